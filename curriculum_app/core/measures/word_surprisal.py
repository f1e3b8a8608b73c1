"""How rare the words of a document are in its own dataset version."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

import chimera.typed
from curriculum_app.core.difficulty.surprisal import mean_surprisal, unigram_bits
from curriculum_app.core.documents import Document
from curriculum_app.core.measures.base import MEASURES, CorpusMeasure, words_of
from curriculum_app.core.mixture_curve import Float
from curriculum_app.core.packing import Int, Tokens

BUCKETS = 1 << 20


@MEASURES.register("word_surprisal")
class WordSurprisal(CorpusMeasure):
    """Mean of −log2 p(word), p from the words of the whole version (word rarity; Platanios et al., arXiv 1903.09848).

    The mean, not their sum, so that it does not measure length again. Words are counted in 2^20 buckets by their
    crc32: memory stays constant, and of two words that share a bucket the rarer one counts as if it were more common.
    """

    title = "Word surprisal"
    unit = "bits per word"
    direction = "harder"

    class Config(chimera.typed.Config):
        """No settings."""

    def __init__(self, config: Config) -> None:
        self._bits: Float | None = None

    def count(self, documents: Sequence[Document]) -> Int:
        total = np.zeros(BUCKETS, dtype=np.int64)
        for document in documents:
            np.add.at(total, _buckets(document), 1)
        return total

    def learn(self, total: Int) -> None:
        self._bits = np.zeros(len(total))
        seen = total > 0
        self._bits[seen] = unigram_bits(total[seen])

    def values(self, documents: Sequence[Document]) -> Float:
        assert self._bits is not None, "the words of the version are counted first"
        buckets = [_buckets(document) for document in documents]
        means = mean_surprisal(buckets, self._bits)
        return np.where([len(item) > 0 for item in buckets], means, np.nan)


def _buckets(document: Document) -> Tokens:
    words = words_of(document.text)
    return np.fromiter((zlib.crc32(word.encode()) % BUCKETS for word in words), np.uint32, len(words))
