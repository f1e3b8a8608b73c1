"""What two texts share and what only one of them has, word by word, for reading side by side or in one piece.

Ratcliff and Obershelp's matching, as Python's difflib finds it: equal beginnings and ends are taken off, then lines are
compared, then the words inside the lines that differ. What may take long is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from typing import Literal

Kind = Literal["same", "gone", "new", "gap"]

MOST_LINES = 2000  # of each text, between the equal beginning and the equal end
_MOST_TOKENS = 1500  # of a stretch that differs; a longer one is shown as a whole
_AROUND = 160  # characters shown on either side of a change
_TOKENS = re.compile(r"\w+|\s+|[^\w\s]")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Piece:
    """A stretch of text: in both, only in the first, only in the second; `gap` stands for one that is left out."""

    kind: Kind
    text: str

    @property
    def differs(self) -> bool:
        return self.kind != "same"


@dataclass(frozen=True)
class TextDifference:
    """Both texts in pieces, in order. `cut`: they were too long, and what stands behind is not compared or shown."""

    pieces: list[Piece]
    cut: bool

    @property
    def before(self) -> list[Piece]:
        """The first text."""
        return [piece for piece in self.pieces if piece.kind != "new"]

    @property
    def after(self) -> list[Piece]:
        """The second text."""
        return [piece for piece in self.pieces if piece.kind != "gone"]

    @property
    def shortened(self) -> list[Piece]:
        """Both in one, with gaps where nothing changes for long."""
        return list(_shortened(self.pieces))

    @cached_property
    def passages(self) -> list[int]:
        """Words of every shared passage that holds any."""
        counts = (len(_WORD.findall(piece.text)) for piece in self.pieces if piece.kind == "same")
        return [count for count in counts if count]

    @property
    def longest(self) -> int:
        """Words of the longest shared passage."""
        return max(self.passages, default=0)


def text_difference(before: str, after: str) -> TextDifference:
    """Compare two texts."""
    left, right = _TOKENS.findall(before), _TOKENS.findall(after)
    start = _equal(left, right)
    end = _equal(left[start:][::-1], right[start:][::-1])
    old = "".join(left[start : len(left) - end]).splitlines(keepends=True)
    new = "".join(right[start : len(right) - end]).splitlines(keepends=True)
    cut = max(len(old), len(new)) > MOST_LINES
    pieces = [Piece("same", "".join(left[:start])), *_lines(old[:MOST_LINES], new[:MOST_LINES])]
    if not cut:
        pieces.append(Piece("same", "".join(left[len(left) - end :])))
    return TextDifference(_merged(pieces), cut)


def _equal(left: Sequence[str], right: Sequence[str]) -> int:
    """How many tokens at the beginning are the same."""
    pairs = zip(left, right, strict=False)
    return next((number for number, (a, b) in enumerate(pairs) if a != b), min(len(left), len(right)))


def _lines(left: list[str], right: list[str]) -> Iterator[Piece]:
    for op, a, b, c, d in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        old, new = "".join(left[a:b]), "".join(right[c:d])
        if op == "equal":
            yield Piece("same", old)
        else:
            yield from _words(old, new)


def _words(before: str, after: str) -> Iterator[Piece]:
    left, right = _TOKENS.findall(before), _TOKENS.findall(after)
    if not left or not right or max(len(left), len(right)) > _MOST_TOKENS:
        yield from (Piece("gone", before), Piece("new", after))
        return
    gone, new = "", ""
    for op, a, b, c, d in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        old_part, new_part = "".join(left[a:b]), "".join(right[c:d])
        if op != "equal" or (old_part.isspace() and gone and new):  # a space alone does not part two changes
            gone, new = gone + old_part, new + new_part
        else:
            yield from (Piece("gone", gone), Piece("new", new), Piece("same", old_part))
            gone, new = "", ""
    yield from (Piece("gone", gone), Piece("new", new))


def _merged(pieces: Sequence[Piece]) -> list[Piece]:
    """Neighbours of one kind as one piece; empty ones left out."""
    merged: list[Piece] = []
    for piece in pieces:
        if not piece.text:
            continue
        if merged and merged[-1].kind == piece.kind:
            merged[-1] = Piece(piece.kind, merged[-1].text + piece.text)
        else:
            merged.append(piece)
    return merged


def _shortened(pieces: Sequence[Piece]) -> Iterator[Piece]:
    for place, piece in enumerate(pieces):
        if piece.differs or len(piece.text) <= 3 * _AROUND or len(pieces) == 1:
            yield piece
            continue
        if place:
            yield Piece("same", piece.text[:_AROUND])
        yield Piece("gap", f"{len(piece.text)} characters")
        if place < len(pieces) - 1:
            yield Piece("same", piece.text[-_AROUND:])
