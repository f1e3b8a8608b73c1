"""What two texts share and what only one of them has, word by word."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

MAX_WORDS = 3000  # of each text: the comparison may take time by their product
_WORD = re.compile(r"\s*\S+\s*?")


@dataclass(frozen=True)
class Piece:
    """A run of words; `shared` with the other text or only here."""

    text: str
    shared: bool


@dataclass(frozen=True)
class TextDifference:
    """Both texts in pieces; `passages` counts the shared runs, `longest` the words of the longest one."""

    left: list[Piece]
    right: list[Piece]
    passages: int
    longest: int
    cut: bool  # only the first `MAX_WORDS` words were compared


def text_difference(left: str, right: str) -> TextDifference:
    """The difference in words (Ratcliff and Obershelp, as Python's difflib finds it)."""
    a, b = _WORD.findall(left), _WORD.findall(right)
    cut = max(len(a), len(b)) > MAX_WORDS
    a, b = a[:MAX_WORDS], b[:MAX_WORDS]
    matcher = SequenceMatcher(None, [word.strip() for word in a], [word.strip() for word in b], autojunk=False)
    pieces: tuple[list[Piece], list[Piece]] = ([], [])
    runs = []
    for tag, a0, a1, b0, b1 in matcher.get_opcodes():
        shared = tag == "equal"
        runs += [a1 - a0] if shared else []
        for side, words in zip(pieces, (a[a0:a1], b[b0:b1]), strict=True):
            if words:
                side.append(Piece("".join(words), shared))
    return TextDifference(*pieces, passages=len(runs), longest=max(runs, default=0), cut=cut)
