"""Lexical diversity that does not fall with length."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydantic import Field

import chimera.typed
from curriculum_app.core.documents import Document
from curriculum_app.core.measures.base import MEASURES, Measure, each, words_of
from curriculum_app.core.mixture_curve import Float


@MEASURES.register("mtld")
class Mtld(Measure):
    """Measure of textual lexical diversity (McCarthy & Jarvis 2010): words per factor, mean of both directions.

    Published implementations differ in whether a factor is full at the threshold or below it; here it is full at it.
    A text in which too few words repeat for any factor has its number of words as value. Texts below `min_words` have
    no value: the authors found the measure unstable for texts under about 100 words.
    """

    title = "MTLD"
    unit = "words per factor"
    direction = "harder"

    class Config(chimera.typed.Config):
        threshold: float = Field(0.72, title="Threshold", description="Type-token ratio of a full factor.", gt=0, lt=1)
        min_words: int = Field(50, title="Words at least", description="Shorter texts have no value.", ge=1)

    def __init__(self, config: Config) -> None:
        self.config = config

    def values(self, documents: Sequence[Document]) -> Float:
        return each(lambda document: self._value(words_of(document.text)), documents)

    def _value(self, words: Sequence[str]) -> float:
        return mtld(words, self.config.threshold) if len(words) >= self.config.min_words else float("nan")


def mtld(words: Sequence[str], threshold: float = 0.72) -> float:
    """Mean of the words per factor read forwards and backwards; `len(words)` where there is no factor."""
    factors = (count_factors(words, threshold), count_factors(reversed(words), threshold))
    return sum(len(words) / factor if factor else float(len(words)) for factor in factors) / 2


def count_factors(words: Iterable[str], threshold: float) -> float:
    """Full factors, and of the rest the part (1 − ratio) / (1 − threshold)."""
    full, seen, length = 0, set[str](), 0
    for word in words:
        length += 1
        seen.add(word)
        if len(seen) / length <= threshold:
            full, length = full + 1, 0
            seen.clear()
    return full + ((1 - len(seen) / length) / (1 - threshold) if length else 0.0)
