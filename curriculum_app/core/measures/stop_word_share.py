"""How much of a document is function words: running prose has them, lists and tables have not."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

import chimera.typed
from curriculum_app.core.documents import Document
from curriculum_app.core.measures.base import MEASURES, Measure, each, words_of
from curriculum_app.core.mixture_curve import Float

_GOPHER = ("the", "be", "to", "of", "and", "that", "have", "with")


@MEASURES.register("stop_word_share")
class StopWordShare(Measure):
    """Share of the words that are in a list; by default the eight of Gopher (Rae et al. 2021, arXiv 2112.11446)."""

    title = "Share of stop words"
    unit = "share"
    direction = "better"

    class Config(chimera.typed.Config):
        words: list[str] = Field(list(_GOPHER), title="Words", description="In any case of letters.", min_length=1)

    def __init__(self, config: Config) -> None:
        self._words = frozenset(word.lower() for word in config.words)

    def values(self, documents: Sequence[Document]) -> Float:
        return each(self._share, documents)

    def _share(self, document: Document) -> float:
        words = words_of(document.text)
        return sum(word in self._words for word in words) / len(words) if words else float("nan")
