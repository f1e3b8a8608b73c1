"""Which words two texts do not share, for reading them side by side (difflib's Ratcliff-Obershelp matching)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

MOST_WORDS = 4_000  # of each text, between the equal beginning and the equal end
_WORD = re.compile(r"\s*(?:\w+|[^\w\s])\s*|\s+")


@dataclass(frozen=True)
class Piece:
    """A run of text; `differs` when the other text lacks it."""

    text: str
    differs: bool = False


@dataclass(frozen=True)
class WordDifference:
    """Both texts in pieces. `cut`: they were too long, and the rest behind the last piece is not compared."""

    before: list[Piece]
    after: list[Piece]
    words_before: int
    words_after: int
    cut: bool


def word_difference(before: str, after: str, most_words: int = MOST_WORDS) -> WordDifference:
    """Compare two texts word by word; equal beginnings and ends cost nothing, what differs is bounded."""
    left, right = _WORD.findall(before), _WORD.findall(after)
    start = _equal(left, right)
    end = _equal(left[start:][::-1], right[start:][::-1])
    old, new = left[start : len(left) - end], right[start : len(right) - end]
    cut = max(len(old), len(new)) > most_words
    old, new = old[:most_words], new[:most_words]
    sides: list[list[Piece]] = [[Piece("".join(left[:start]))], [Piece("".join(left[:start]))]]
    matcher = SequenceMatcher(None, old, new)
    for tag, i, i_end, j, j_end in matcher.get_opcodes():
        sides[0].append(Piece("".join(old[i:i_end]), tag != "equal"))
        sides[1].append(Piece("".join(new[j:j_end]), tag != "equal"))
    if end and not cut:
        for side in sides:
            side.append(Piece("".join(left[len(left) - end :])))
    kept = [[piece for piece in side if piece.text] for side in sides]
    return WordDifference(kept[0], kept[1], len(left), len(right), cut)


def _equal(left: list[str], right: list[str]) -> int:
    """How many words at the beginning are the same."""
    pairs = zip(left, right, strict=False)
    return next((number for number, (a, b) in enumerate(pairs) if a != b), min(len(left), len(right)))
