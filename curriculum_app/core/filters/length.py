"""Bounds on the length of a document."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field, model_validator

import chimera.typed
from curriculum_app.core.documents import Document
from curriculum_app.core.filters.base import FILTERS, Filter, Measured, threshold


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

    def measure(self, document: Document) -> Iterator[Measured]:
        length = len(document.text)
        yield Measured.at_least("too_short", length, "min_chars", self.config.min_chars)
        yield Measured.at_most("too_long", length, "max_chars", self.config.max_chars)
