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
LONGEST = 100  # units of a shingle
_CHUNK = 4096  # runs at a time


def _powers(base: int) -> Numbers:
    """base⁰, base¹ ... modulo 2⁶⁴, for a chunk and the units that reach out of it."""
    return np.multiply.accumulate(np.array([1] + [base] * (_CHUNK + LONGEST), np.uint64))


_POWERS, _INVERSES = _powers(_BASE), _powers(pow(_BASE, -1, 1 << 64))


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
    first = np.empty(len(found), bool)
    first[0] = True
    np.not_equal(found[1:], found[:-1], out=first[1:])
    return found if first.all() else found[first]


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
    """The polynomial of every run of `length` units, the first one's power the highest.

    It is the difference of two sums of unit · base⁻ⁱ, times a power: the base is odd, so it has an inverse.
    """
    found = np.empty(len(units) - length + 1, np.uint64)
    for start in range(0, len(found), _CHUNK):
        some = found[start : start + _CHUNK]
        sums = units[start : start + len(some) + length - 1] * _INVERSES[: len(some) + length - 1]
        np.add.accumulate(sums, out=sums)
        some[0] = sums[length - 1]
        np.subtract(sums[length:], sums[:-length], out=some[1:])
        some *= _POWERS[length - 1 : length - 1 + len(some)]
    return found


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
    both.sort(kind="stable")  # merges the two ascending halves, six times as fast as sorting anew
    shared = int(np.count_nonzero(both[1:] == both[:-1]))
    union = len(both) - shared
    return shared / union if union else 0.0
