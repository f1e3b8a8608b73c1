"""Where pieces of one text stand in another made from it: how positions survive extraction and cleaning."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from itertools import accumulate

from curriculum_app.core.documents import Media

_WORD = re.compile(r"\S+")
_ANCHOR = 16  # characters without spaces; shorter pieces are found beside longer ones only


def squeezed(text: str) -> str:
    """The text without white space: what extraction changes freely."""
    return "".join(text.split())


def places(pieces: Sequence[str], text: str) -> list[tuple[int, int] | None]:
    """`(start, end)` in `text` of each squeezed piece, None for pieces that are not there; in rising order.

    Pieces that occur once on both sides are anchors, of which the longest rising sequence counts (patience diff, Bram
    Cohen); the others must follow or precede a found piece without a gap. Linear in the length of the text.
    """
    flat = squeezed(text)
    found = _anchors(pieces, flat)
    _fill(pieces, flat, found, range(len(pieces)))
    _fill_backwards(pieces, flat, found)
    unsqueezed = _Unsqueezed(text)
    return [None if place is None else (unsqueezed(place[0]), unsqueezed(place[1] - 1) + 1) for place in found]


class _Unsqueezed:
    """Positions in a squeezed text to positions in the text itself."""

    def __init__(self, text: str) -> None:
        words = list(_WORD.finditer(text))
        self._starts = [word.start() for word in words]
        self._flat = [0, *accumulate(word.end() - word.start() for word in words)]

    def __call__(self, position: int) -> int:
        word = bisect_right(self._flat, position) - 1
        return self._starts[word] + position - self._flat[word]


def _anchors(pieces: Sequence[str], flat: str) -> list[tuple[int, int] | None]:
    times = Counter(pieces)
    wanted: dict[str, list[int]] = {}
    for number, piece in enumerate(pieces):
        if len(piece) >= _ANCHOR and times[piece] == 1:
            wanted.setdefault(piece[:_ANCHOR], []).append(number)
    seen: dict[int, list[int]] = {}
    for start in range(len(flat) - _ANCHOR + 1 if wanted else 0):
        for number in wanted.get(flat[start : start + _ANCHOR], ()):
            if flat.startswith(pieces[number], start):
                seen.setdefault(number, []).append(start)
    unique = [(number, starts[0]) for number, starts in sorted(seen.items()) if len(starts) == 1]
    found: list[tuple[int, int] | None] = [None] * len(pieces)
    for index in _longest_rising([start for _, start in unique]):
        number, start = unique[index]
        found[number] = (start, start + len(pieces[number]))
    return found


def _longest_rising(values: Sequence[int]) -> list[int]:
    """Indices of a longest strictly rising subsequence."""
    tails: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for index, value in enumerate(values):
        at = bisect_left(tails, value)
        tails[at : at + 1] = [value]
        ends[at : at + 1] = [index]
        before.append(ends[at - 1] if at else -1)
    chain: list[int] = []
    index = ends[-1] if ends else -1
    while index >= 0:
        chain.append(index)
        index = before[index]
    return chain[::-1]


def _fill(pieces: Sequence[str], flat: str, found: list[tuple[int, int] | None], numbers: Sequence[int]) -> None:
    cursor = 0
    for number in numbers:
        place = found[number]
        if place is None and pieces[number] and flat.startswith(pieces[number], cursor):
            place = found[number] = (cursor, cursor + len(pieces[number]))
        cursor = cursor if place is None else place[1]


def _fill_backwards(pieces: Sequence[str], flat: str, found: list[tuple[int, int] | None]) -> None:
    cursor, floor = len(flat), [0]
    for place in found:
        floor.append(floor[-1] if place is None else place[1])
    for number in reversed(range(len(pieces))):
        place, piece = found[number], pieces[number]
        start = cursor - len(piece)
        if place is None and piece and start >= floor[number] and flat.startswith(piece, start):
            place = found[number] = (start, cursor)
        cursor = cursor if place is None else place[0]


def moved(media: tuple[Media, ...], before: str, after: str) -> tuple[Media, ...]:
    """The media of a text that was changed, at the same places of the new text.

    Lines are compared; inside a changed passage what is equal at its beginning and end stays where it is, and a place
    in the rest goes to the rest's end.
    """
    if before == after or all(item.offset is None for item in media):
        return media
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    blocks = []
    at_old = at_new = 0
    for tag, i, j, k, m in SequenceMatcher(None, old, new).get_opcodes():
        was, now = "".join(old[i:j]), "".join(new[k:m])
        blocks.append((at_old, at_new, was, now if tag != "equal" else was))
        at_old, at_new = at_old + len(was), at_new + len(now)
    offsets = (None if item.offset is None else _moved(item.offset, blocks, len(after)) for item in media)
    return tuple(replace(item, offset=offset) for item, offset in zip(media, offsets, strict=True))


def _moved(offset: int, blocks: Sequence[tuple[int, int, str, str]], end: int) -> int:
    for at_old, at_new, was, now in blocks:
        inside = offset - at_old
        if inside <= len(was) and was:
            return min(at_new + _inside(inside, was, now), end)
    return end


def _inside(offset: int, was: str, now: str) -> int:
    if was == now or now.startswith(was[:offset]):
        return offset
    rest = len(was) - offset
    return len(now) - rest if rest and now.endswith(was[offset:]) else len(now)
