"""From stored rows to segments and back to what is left after a cut: which points share which blocks (pure).

Series that were logged at the same steps share one axis. A block is up to 1,024 successive places of an axis with the
values of all series on it. Only the last block of a series may be shorter; new points first fill it up.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from training_app.core.segments import SEGMENT_POINTS
from training_app.core.series import Floats, Ints


@dataclass(frozen=True)
class Places:
    """Where points stand, in the order they were logged: three arrays of equal length."""

    step: Ints
    tokens: Ints
    time: Floats

    def __len__(self) -> int:
        return len(self.step)

    def take(self, index: Any) -> Places:
        return Places(self.step[index], self.tokens[index], self.time[index])

    def then(self, later: Places) -> Places:
        step, tokens = (np.concatenate(both) for both in ((self.step, later.step), (self.tokens, later.tokens)))
        return Places(step, tokens, np.concatenate((self.time, later.time)))


@dataclass(frozen=True)
class Line:
    """A stretch of one series: `values` begin at its `place`-th point (counted from 0)."""

    key: str
    place: int
    values: Floats


@dataclass(frozen=True)
class Block:
    """An axis and the series that have a value at each of its places."""

    places: Places
    lines: list[Line]


@dataclass(frozen=True)
class Tail:
    """The last, unfilled segment of a series: on which axis (its id), from which point on, with which values."""

    axis: int
    place: int
    values: Floats


@dataclass(frozen=True)
class Summary:
    """What is known of values without opening them. Lowest and highest are of the finite ones, None without any."""

    lowest: float | None
    lowest_step: int | None
    highest: float | None
    highest_step: int | None
    last: float
    non_finite: int


class Pending:
    """Points on their way from rows into segments."""

    def __init__(self) -> None:
        self.num_points = 0
        self._step, self._tokens, self._time = array("q"), array("q"), array("d")
        self._series: dict[str, tuple[array[int], array[float]]] = {}

    def add(self, points: Mapping[str, Any]) -> None:
        """The points of one row, in the shape of `MetricRow.points`."""
        first = len(self._step)
        self._step.extend(points["step"])
        self._tokens.extend(points["tokens"])
        self._time.extend(points["time"])
        for key, pairs in points["values"].items():
            index, values = self._series.setdefault(key, (array("q"), array("d")))
            index.extend([first + number for number, _ in pairs])
            values.extend([float(value) for _, value in pairs])
            self.num_points += len(pairs)

    @property
    def keys(self) -> list[str]:
        return list(self._series)

    @property
    def places(self) -> Places:
        step, tokens = np.array(self._step, np.int64), np.array(self._tokens, np.int64)
        return Places(step, tokens, np.array(self._time, np.float64))

    def series(self) -> Iterator[tuple[str, Ints, Floats]]:
        """Of every key the indices of its places and its values."""
        for key, (index, values) in self._series.items():
            yield key, np.array(index, np.int64), np.array(values, np.float64)


def blocks_of(
    pending: Pending, tails: Mapping[str, Tail], axes: Mapping[int, Places], counts: Mapping[str, int]
) -> Iterator[Block]:
    """The blocks that take the place of `tails` (on `axes`) and hold `pending` too.

    `counts` says how many points of each series are in full segments already (0 if absent).
    """
    groups: dict[tuple[int | None, bytes], list[Line]] = {}
    places = pending.places
    for key, index, values in pending.series():
        tail = tails.get(key)
        line = Line(key, counts.get(key, 0), values)
        if tail is not None:
            line = Line(key, tail.place, np.concatenate((tail.values, values)))
        groups.setdefault((tail.axis if tail else None, index.tobytes()), []).append(line)
    for (axis, index_bytes), lines in groups.items():
        new = places.take(np.frombuffer(index_bytes, np.int64))
        yield from cut_up(new if axis is None else axes[axis].then(new), lines)


def cut_up(places: Places, lines: Sequence[Line]) -> Iterator[Block]:
    """Blocks of `SEGMENT_POINTS` places, the last with what is left."""
    for start in range(0, len(places), SEGMENT_POINTS):
        part = slice(start, start + SEGMENT_POINTS)
        yield Block(places.take(part), [Line(line.key, line.place + start, line.values[part]) for line in lines])


def summary_of(step: Ints, values: Floats) -> Summary:
    """Of at least one value. Of equal values the first counts."""
    finite = np.isfinite(values)
    last, non_finite = float(values[-1]), int(len(values) - finite.sum())
    if non_finite == len(values):
        return Summary(None, None, None, None, last, non_finite)
    low = int(np.argmin(np.where(finite, values, np.inf)))
    high = int(np.argmax(np.where(finite, values, -np.inf)))
    return Summary(float(values[low]), int(step[low]), float(values[high]), int(step[high]), last, non_finite)


def kept_until(step: Ints, last: int) -> Ints:
    """The indices of the places not later than step `last`."""
    return np.flatnonzero(step <= last)
