"""Columns of a series whose blocks are taken apart only where somebody looks (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from training_app.core.segments import Packed, unpack_ints

Words = NDArray[Any]
Places = NDArray[np.int64]


class Later(Protocol):
    """Numbers that need not all be there yet."""

    def __len__(self) -> int: ...

    @property
    def whole(self) -> Words:
        """All of them."""

    def take(self, places: Places) -> Words:
        """Those at `places`, counted from 0."""


class Column:
    """A column in packed blocks of `counts` words each. A block is taken apart once, at the first look into it.

    Raises:
        DamagedColumn: (when it is looked at) the bytes are no columns of these lengths.
    """

    def __init__(self, packed: Sequence[Packed], counts: Sequence[int], kind: type[np.int64 | np.float64]) -> None:
        self._packed, self._counts = packed, np.array(counts, dtype=np.int64)
        self._ends = np.cumsum(self._counts)
        self._open = np.zeros(len(packed), dtype=np.bool_)
        self._kind = kind
        self._words: Words = np.empty(len(self), dtype=np.int64)

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    @property
    def whole(self) -> Words:
        self._look_into(np.arange(len(self._packed)))
        return self._words.view(self._kind)

    def take(self, places: Places) -> Words:
        self._look_into(np.unique(np.searchsorted(self._ends, places, side="right")))
        return self._words[places].view(self._kind)

    def _look_into(self, blocks: Places) -> None:
        closed = blocks[~self._open[blocks]]
        counts = self._counts[closed].tolist()
        words = unpack_ints([self._packed[block] for block in closed.tolist()], counts)
        if len(closed) == len(self._packed):
            self._words = words
        else:
            ends, there = self._ends[closed].tolist(), np.cumsum(counts).tolist()
            for end, behind, count in zip(ends, there, counts, strict=True):
                self._words[end - count : end] = words[behind - count : behind]
        self._open[closed] = True


class Joined:
    """A column and the numbers behind it."""

    def __init__(self, first: Later, rest: Words) -> None:
        self._first, self._rest = first, rest

    def __len__(self) -> int:
        return len(self._first) + len(self._rest)

    @cached_property
    def whole(self) -> Words:
        return np.concatenate((self._first.whole, self._rest))

    def take(self, places: Places) -> Words:
        early = places < len(self._first)
        found = np.empty(len(places), dtype=self._rest.dtype)
        found[early] = self._first.take(places[early])
        found[~early] = self._rest[places[~early] - len(self._first)]
        return found
