"""How many different words a document uses, on windows of one size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import Field

import chimera.typed
from curriculum_app.core.documents import Document
from curriculum_app.core.measures.base import MEASURES, Measure, each, words_of
from curriculum_app.core.mixture_curve import Float


@MEASURES.register("type_token_ratio")
class TypeTokenRatio(Measure):
    """Different words over words, as a mean over all windows of one size (Covington & McFall 2010, MATTR).

    The plain ratio falls with length whatever the text (Heaps' law), so it compares texts of one length only; it is
    what an empty window asks for. A text shorter than the window has no value.
    """

    title = "Type-token ratio"
    unit = "share"
    direction = "harder"

    class Config(chimera.typed.Config):
        window: int | None = Field(
            50, title="Window", description="Words. Empty: the plain ratio of the whole text.", ge=2, le=100_000
        )

    def __init__(self, config: Config) -> None:
        self.config = config

    def values(self, documents: Sequence[Document]) -> Float:
        return each(lambda document: self._ratio(words_of(document.text)), documents)

    def _ratio(self, words: Sequence[str]) -> float:
        window = self.config.window or len(words)
        return moving_type_token_ratio(words, window) if 0 < window <= len(words) else float("nan")


def moving_type_token_ratio(words: Sequence[str], window: int) -> float:
    """Mean over all windows of `window` words of the share of different words, 1 ≤ window ≤ words.

    A word is the first of its kind in the windows that begin after its previous occurrence: counting those once per
    word takes time linear in the words, whatever the window.
    """
    last: dict[str, int] = {}
    before = np.empty(len(words), dtype=np.int64)
    for place, word in enumerate(words):
        before[place] = last.get(word, -1)
        last[word] = place
    places = np.arange(len(words))
    first_window = np.maximum(before + 1, places - window + 1).clip(min=0)
    last_window = np.minimum(places, len(words) - window)
    different = (last_window - first_window + 1).clip(min=0).sum()
    return float(different / window / (len(words) - window + 1))
