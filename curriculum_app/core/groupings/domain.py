"""By domain: what recipes, pools and held-out sets are made by."""

from __future__ import annotations

import chimera.typed
from curriculum_app.core.documents import Document
from curriculum_app.core.groupings.base import GROUPINGS, LabelGrouping


@GROUPINGS.register("domain")
class Domain(LabelGrouping):
    """The domain that import gave each document. Chimera's own name for what SlimPajama (2023) calls a source."""

    title = "Domain"
    summary = "What import called it; pools and held-out sets are drawn by it."
    key = "domain"

    class Config(chimera.typed.Config):
        pass

    def label(self, document: Document) -> str:
        return document.domain
