"""Bounds on the length of a document."""

from __future__ import annotations

from pydantic import Field, model_validator

import chimera.typed
from curriculum_app.core.documents import Document
from curriculum_app.core.filters.base import FILTERS, Drop, Filter, Keep, threshold


@FILTERS.register("length")
class Length(Filter):
    """Drops documents with fewer or more characters than the bounds (both inclusive).

    Chimera's own: no paper is followed; source code and books need an upper bound that no quality rule gives.
    """

    title = "Length"

    class Config(chimera.typed.Config):
        min_chars: int = Field(1, title="Characters at least", ge=0)
        max_chars: int | None = threshold(1_000_000, "Characters at most", ge=1)

        @model_validator(mode="after")
        def _ordered(self) -> Length.Config:
            if self.max_chars is not None and self.max_chars < self.min_chars:
                raise ValueError("the most characters must not be fewer than the least")
            return self

    def __init__(self, config: Config) -> None:
        self.config = config

    def judge(self, document: Document) -> Keep | Drop:
        length = len(document.text)
        if length < self.config.min_chars:
            return Drop("too_short", length)
        if self.config.max_chars is not None and length > self.config.max_chars:
            return Drop("too_long", length)
        return Keep(document)
