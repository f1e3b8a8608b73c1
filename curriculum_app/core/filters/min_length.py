"""SlimPajama's rule for short documents (Soboleva et al. 2023; Cerebras modelzoo, `preprocessing/filter.py`)."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

import chimera.typed
from curriculum_app.core.dedup.shingles import clean
from curriculum_app.core.documents import Document
from curriculum_app.core.filters.base import FILTERS, Filter, Measured


@FILTERS.register("min_length")
class MinLength(Filter):
    """Drops a document whose cleaned text (lower case, no ASCII punctuation, single spaces) is under 200 characters."""

    title = "Minimum length (SlimPajama)"

    class Config(chimera.typed.Config):
        min_chars: int = Field(200, title="Characters at least", ge=0)

    def __init__(self, config: Config) -> None:
        self.config = config

    def measure(self, document: Document) -> Iterator[Measured]:
        yield Measured.at_least("too_short", len(clean(document.text)), "min_chars", self.config.min_chars)
