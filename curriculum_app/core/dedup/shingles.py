"""Cleaned text, its shingles of characters or words, and their exact Jaccard similarity (SlimPajama).

A shingle is compared as a 64-bit number: the polynomial over its characters (or its words' hashes) modulo 2⁶⁴, mixed
so that every bit depends on all of it. Two of n different shingles get one number with a chance of n² / 2⁶⁵, 10⁻¹³ for
a page of text; that is the only way in which a similarity could be anything but exact.
"""

from __future__ import annotations

import string
from typing import Literal

import numpy as np
import xxhash
from numpy.typing import NDArray

Unit = Literal["char", "word"]
Numbers = NDArray[np.uint64]

_WHITE_SPACE = "".join(character for character in map(chr, range(128)) if character.isspace())
_LOWER = bytes.maketrans(
    (string.ascii_uppercase + _WHITE_SPACE).encode(), (string.ascii_lowercase + " " * len(_WHITE_SPACE)).encode()
)
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_BASE = 0x9E3779B97F4A7C15  # odd, bits in no order: 2⁶⁴ divided by the golden ratio
_WORD = 1 << 64


def clean(text: str) -> str:
    """Lower case, ASCII punctuation deleted, white space single and trimmed (modelzoo, slimpajama `filter.py`)."""
    return " ".join(text.lower().translate(_PUNCTUATION).split())


def _clean_ascii(text: str) -> bytes:
    """`clean` of a text in ASCII, six times as fast."""
    cleaned = text.encode("ascii").translate(_LOWER, string.punctuation.encode())
    while b"  " in cleaned:
        cleaned = cleaned.replace(b"  ", b" ")
    return cleaned.strip(b" ")


def shingles(text: str, length: int = 13, unit: Unit = "char") -> set[str]:
    """Every run of `length` characters, or of `length` words, of the cleaned text; empty if the text is shorter.

    SlimPajama's "13-grams" are characters, not words (modelzoo, `dedup/to_hash.py:get_features`).
    """
    cleaned = clean(text)
    if unit == "char":
        return {cleaned[start : start + length] for start in range(len(cleaned) - length + 1)}
    words = cleaned.split(" ") if cleaned else []
    return {" ".join(words[start : start + length]) for start in range(len(words) - length + 1)}


def shingle_numbers(text: str, length: int = 13, unit: Unit = "char") -> Numbers:
    """The numbers of `shingles(text, length, unit)`, each once, ascending."""
    units = _characters(text) if unit == "char" else _words(text)
    if len(units) < length:
        return np.zeros(0, np.uint64)
    found = _mixed(_runs(units, length))
    found.sort()
    return found[np.concatenate(([True], found[1:] != found[:-1]))]


def _characters(text: str) -> Numbers:
    """The code points of the cleaned text."""
    if text.isascii():
        return np.frombuffer(_clean_ascii(text), np.uint8).astype(np.uint64)
    return np.frombuffer(clean(text).encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)


def _words(text: str) -> Numbers:
    """A hash of each word of the cleaned text."""
    words = (word.encode("utf-8", "surrogatepass") for word in clean(text).split(" "))
    return np.array([xxhash.xxh3_64_intdigest(word) for word in words if word], np.uint64)


def _runs(units: Numbers, length: int) -> Numbers:
    """The polynomial of every run of `length` units, put together from runs of 1, 2, 4 ... units."""
    total, covered, size, doubled = units[:0], 0, 1, units
    while True:
        if length & size:
            total = _joined(total, doubled[covered:], size) if covered else doubled
            covered += size
        if 2 * size > length:
            return total[: len(units) - length + 1]
        doubled = _joined(doubled, doubled[size:], size)
        size *= 2


def _joined(first: Numbers, second: Numbers, size: int) -> Numbers:
    """Runs of `first` followed by those of `size` units of `second`."""
    joined = first[: len(second)] * np.uint64(pow(_BASE, size, _WORD))
    joined += second[: len(joined)]
    return joined


def _mixed(numbers: Numbers) -> Numbers:
    """The finalizer of MurmurHash3 (a bijection of 64 bits), in place."""
    for shift, factor in ((33, 0xFF51AFD7ED558CCD), (33, 0xC4CEB9FE1A85EC53)):
        numbers ^= numbers >> np.uint64(shift)
        numbers *= np.uint64(factor)
    numbers ^= numbers >> np.uint64(33)
    return numbers


def jaccard(a: Numbers, b: Numbers) -> float:
    """|a ∩ b| / |a ∪ b|; 0 when both are empty, so texts too short to have a shingle never match."""
    both = np.concatenate((a, b))
    both.sort()
    shared = int(np.count_nonzero(both[1:] == both[:-1]))
    union = len(both) - shared
    return shared / union if union else 0.0
