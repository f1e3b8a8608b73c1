"""Words and hashed word n-grams, as decontamination compares them.

Words are cut at spaces, in lower case, letters and digits only, as in lm-eval's Janitor; Unicode is brought to NFKC. A
word is hashed once (xxh3, 64 bits) and an n-gram is the polynomial of its words' hashes modulo 2^64, so that the
n-grams of all lengths of a text come out of a few operations on whole arrays. Two different n-grams have one hash with
a probability of about 2^-64.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence, Set

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

Hashes = NDArray[np.uint64]

_NO_WORD = re.compile(r"[^\w\s]|_")
_WORD = re.compile(r"\S+")
_BASE = 0x9E3779B97F4A7C15  # odd, so that multiplying by it loses nothing
_CACHED_WORDS = 1 << 18


def words_of(text: str) -> list[str]:
    """The words of a text. Chinese and Japanese, which put no spaces between words, come out as a few long ones."""
    return _NO_WORD.sub("", unicodedata.normalize("NFKC", text).lower()).split()


def word_spans(text: str) -> tuple[list[str], list[tuple[int, int]]]:
    """The same words with where each stands in the text, in characters; slower, for showing."""
    words, spans = [], []
    for found in _WORD.finditer(text):
        for word in words_of(found.group()):  # NFKC may cut one in two
            words.append(word)
            spans.append(found.span())
    return words, spans


def word_hashes(words: Sequence[str], cache: dict[str, int]) -> Hashes:
    """Shape (len(words),). `cache` keeps the hashes of words seen before; it is emptied when it has grown too large."""
    if len(cache) > _CACHED_WORDS:
        cache.clear()
    for word in set(words).difference(cache):
        cache[word] = xxh3_64_intdigest(word.encode("utf-8", "surrogatepass"))
    return np.fromiter(map(cache.__getitem__, words), np.uint64, len(words))


def gram_hashes(words: Hashes, lengths: Set[int]) -> Iterator[tuple[int, Hashes]]:
    """`(length, hashes)` for every asked length that fits; the hash at i is that of the n-gram starting at word i."""
    most = min(max(lengths, default=0), len(words))
    total = np.zeros(len(words), np.uint64)
    power = 1
    for length in range(1, most + 1):
        total = total[: len(words) - length + 1] + words[length - 1 :] * np.uint64(power)
        power = power * _BASE % (1 << 64)
        if length in lengths:
            yield length, total ^ np.uint64(length * _BASE % (1 << 64))
