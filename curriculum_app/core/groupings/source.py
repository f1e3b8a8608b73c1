"""By source: the site, package or collection a document comes from."""

from __future__ import annotations

from pydantic import Field

import chimera.typed
from curriculum_app.core.documents import Document
from curriculum_app.core.groupings.base import GROUPINGS, LabelGrouping


@GROUPINGS.register("source")
class Source(LabelGrouping):
    """The source that import gave each document, as mixtures over sources need (DoReMi, arXiv 2305.10429)."""

    title = "Source"
    summary = "Where documents come from; the smallest sources are put together."
    key = "source"

    class Config(chimera.typed.Config):
        largest: int = Field(32, title="Sources", description="The largest; the rest is one group.", ge=1, le=512)

    config: Config

    @property
    def largest(self) -> int:
        return self.config.largest

    def label(self, document: Document) -> str:
        return document.source or "not stated"
