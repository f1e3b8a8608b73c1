"""What a filter did to a text, word by word: what stayed, what went, what came."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

_TOKENS = re.compile(r"\w+|\s+|[^\w\s]")
_LONGEST = 30_000  # characters; beyond, comparing takes longer than anybody looks
_MOST_TOKENS = 1500  # of a changed stretch; longer ones are shown as a whole
_AROUND = 160  # characters shown on either side of a change


@dataclass(frozen=True)
class Piece:
    """A stretch of text; `gap` stands for one that is left out because nothing changed in it."""

    kind: Literal["same", "gone", "new", "gap"]
    text: str


def text_changes(before: str, after: str) -> list[Piece]:
    """The changes from `before` to `after` with what stands around them; only the first 30,000 characters of each."""
    return [*_shortened(_merged(_compare(before[:_LONGEST], after[:_LONGEST])))]


def _compare(before: str, after: str) -> Iterator[Piece]:
    """By lines first, then by words inside the lines that differ: comparing all words at once takes too long."""
    left, right = before.splitlines(keepends=True), after.splitlines(keepends=True)
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
    for op, a, b, c, d in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if op == "equal":
            yield Piece("same", "".join(left[a:b]))
        else:
            yield from (Piece("gone", "".join(left[a:b])), Piece("new", "".join(right[c:d])))


def _merged(pieces: Iterator[Piece]) -> list[Piece]:
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


def _shortened(pieces: list[Piece]) -> Iterator[Piece]:
    for place, piece in enumerate(pieces):
        if piece.kind != "same" or len(piece.text) <= 3 * _AROUND or len(pieces) == 1:
            yield piece
            continue
        if place:
            yield Piece("same", piece.text[:_AROUND])
        yield Piece("gap", f"{len(piece.text)} characters")
        if place < len(pieces) - 1:
            yield Piece("same", piece.text[-_AROUND:])
