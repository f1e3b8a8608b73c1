"""By modality: text, code, or text with pictures, sound or film."""

from __future__ import annotations

import chimera.typed
from curriculum_app.core.documents import Document
from curriculum_app.core.groupings.base import GROUPINGS, LabelGrouping


@GROUPINGS.register("modality")
class Modality(LabelGrouping):
    """What kinds of content a document holds. Chimera's own division: by its media and by whether they stand inside."""

    title = "Modality"
    summary = "Text, code, pairs with media, interleaved documents."
    key = "modality"

    class Config(chimera.typed.Config):
        pass

    def label(self, document: Document) -> str:
        return document.modality
