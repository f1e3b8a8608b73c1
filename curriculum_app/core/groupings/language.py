"""By language, as the language filter has found it."""

from __future__ import annotations

import chimera.typed
from curriculum_app.core.documents import Document
from curriculum_app.core.groupings.base import GROUPINGS, LabelGrouping


@GROUPINGS.register("language")
class Language(LabelGrouping):
    """`meta.language`, which the filter `language` writes (fastText, Joulin et al., arXiv 1612.03651)."""

    title = "Language"
    summary = "What the language filter found; documents it has not seen are unknown."
    key = "language"

    class Config(chimera.typed.Config):
        pass

    def label(self, document: Document) -> str:
        return str(document.meta.get("language") or "unknown")
