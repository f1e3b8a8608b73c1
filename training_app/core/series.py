"""Series of a run for charts: assembled from stored rows, smoothed on the full data, then thinned (pure).

Smoothing always comes first, so a smoothed value does not depend on the zoom, on the number of points drawn or on what
was logged later (tensorboard#1518, #6829). Thinning keeps the minimum and the maximum of every bucket with their own
steps, so a spike of one step among a million stays visible (wandb#4295, #5866).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import dtbsv
from scipy.signal import lfilter

from training_app.core.columns import Joined, Later

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Axis = Literal["tokens", "step", "time"]
AXES: tuple[Axis, ...] = ("tokens", "step", "time")

_BLOCK = 32_768  # points smoothed at once: what that needs stays in the processor's cache


class Series:
    """One metric of one run in the order of its steps: four columns of equal length.

    `step` and `tokens` (tokens seen) are int64, `time` is Unix seconds, `value` may hold NaN and ±inf. The first three
    may be given as columns that are still packed: `take` opens of them only what it needs.
    """

    def __init__(self, step: Ints | Later, tokens: Ints | Later, time: Floats | Later, value: Floats) -> None:
        self._places = (step, tokens, time)
        self.value = value

    def __len__(self) -> int:
        return len(self.value)

    @property
    def step(self) -> Ints:
        return _whole(self._places[0])

    @property
    def tokens(self) -> Ints:
        return _whole(self._places[1])

    @property
    def time(self) -> Floats:
        return _whole(self._places[2])

    @property
    def finite(self) -> NDArray[np.bool_]:
        return np.isfinite(self.value)

    def x(self, axis: Axis, start: float = 0.0) -> Floats:
        """The horizontal axis as float64; time is in seconds since `start`."""
        if axis == "time":
            return self.time - start
        return np.asarray(self.step if axis == "step" else self.tokens, dtype=np.float64)

    def take(self, index: Indices | NDArray[np.bool_]) -> Series:
        """The points at `index`."""
        places: Indices = np.flatnonzero(index) if index.dtype == np.bool_ else np.asarray(index, dtype=np.int64)
        step, tokens, time = (_part(column, places) for column in self._places)
        return Series(step, tokens, time, self.value[places])

    def then(self, later: Series) -> Series:
        """This series and the points after it."""
        if not len(later):
            return self
        step, tokens, time = map(_joined, self._places, (later.step, later.tokens, later.time))
        return Series(step, tokens, time, np.concatenate((self.value, later.value)))


def _whole(column: NDArray[Any] | Later) -> NDArray[Any]:
    return column if isinstance(column, np.ndarray) else column.whole


def _part(column: NDArray[Any] | Later, places: Indices) -> NDArray[Any]:
    return column[places] if isinstance(column, np.ndarray) else column.take(places)


def _joined(first: NDArray[Any] | Later, rest: NDArray[Any]) -> NDArray[Any] | Later:
    return np.concatenate((first, rest)) if isinstance(first, np.ndarray) else Joined(first, rest)


@dataclass(frozen=True)
class RowPart:
    """What one stored row holds of one metric: `points` are `[index into the row, value]` pairs."""

    step: Sequence[int]
    tokens: Sequence[int]
    time: Sequence[float]
    points: Sequence[tuple[int, float | str]]


def assemble(rows: Iterable[RowPart]) -> Series:
    """The series in `rows` (in the order of their seq). Values stored as "NaN" or "Infinity" become floats again."""
    step: list[int] = []
    tokens: list[int] = []
    time: list[float] = []
    value: list[float] = []
    for row in rows:
        for index, number in row.points:
            step.append(row.step[index])
            tokens.append(row.tokens[index])
            time.append(row.time[index])
            value.append(float(number))
    return Series(
        np.array(step, dtype=np.int64),
        np.array(tokens, dtype=np.int64),
        np.array(time, dtype=np.float64),
        np.array(value, dtype=np.float64),
    )


@dataclass(frozen=True)
class Smoothed:
    """Smoothed values and the state with which the series can be continued: its last value is `total` / `weight`."""

    value: Floats
    total: float
    weight: float


def smooth(step: Ints, value: Floats, smoothing: float, at: Indices | None = None) -> Smoothed:
    """Debiased exponential moving average in steps, non-finite values left out; only the points `at` (sorted) if given.

    s_k = Σ_{i≤k} a^(step_k − step_i) · v_i / Σ_{i≤k} a^(step_k − step_i) with a = `smoothing` in [0, 1): an average
    with the weights of an EMA that is right from the first point on (Kingma & Ba 2015, §3) and knows that metrics are
    not logged at every step. s_k depends on the points up to k only. NaN until the first finite value.

    Raises:
        ValueError: `smoothing` is outside [0, 1).
    """
    if not 0.0 <= smoothing < 1.0:
        raise ValueError("smoothing must be at least 0 and below 1")
    if smoothing == 0.0:
        return unsmoothed(value, at)
    starts = np.arange(0, len(value) + _BLOCK, _BLOCK)
    cuts = starts if at is None else np.searchsorted(at, starts)
    smoothed, sums = np.empty(len(value) if at is None else len(at)), _Sums(smoothing)
    for number, start in enumerate(starts[:-1].tolist()):
        block, part = slice(start, start + _BLOCK), slice(cuts[number], cuts[number + 1])
        total, weight = sums.over(step[block], value[block])
        if at is not None:
            total, weight = total[at[part] - start], weight[at[part] - start]
        with np.errstate(divide="ignore", invalid="ignore"):
            np.divide(total, weight, out=smoothed[part])
    return Smoothed(smoothed, sums.total, sums.weight)


def unsmoothed(value: Floats, at: Indices | None = None) -> Smoothed:
    """As `smooth` without smoothing, for which the steps do not matter."""
    finite = np.isfinite(value)
    last = len(value) - 1 - int(finite[::-1].argmax()) if finite.any() else None
    shown, drawn = (value, finite) if at is None else (value[at], finite[at])
    state = (0.0, 0.0) if last is None else (float(value[last]), 1.0)
    return Smoothed(np.where(drawn, shown, np.nan), *state)


class _Sums:
    """Total and weight at each point: N_k = decay^(step_k − step_{k−1}) · N_{k−1} + v_k, block after block.

    Everything at a point is computed from the points up to it in an order that does not depend on the later ones, so
    the sums of a prefix are the same floats however long the series is.
    """

    def __init__(self, decay: float) -> None:
        self.decay, self.total, self.weight = decay, 0.0, 0.0
        self._step: int | None = None
        self._steady: int | None = None  # the gap at which another finite point leaves the weight as it is

    def over(self, step: Ints, value: Floats) -> tuple[Floats, Floats]:
        """The sums at the points of the next block."""
        gap = np.diff(step, prepend=step[0] if self._step is None else self._step)
        finite = np.isfinite(value)
        total = self._recur(gap, value.copy() if finite.all() else np.where(finite, value, 0.0), self.total)
        weight = self._weights(gap, finite)
        steady = len(weight) > 1 and finite[-1] and weight[-1] == weight[-2]
        self._steady = int(gap[-1]) if steady else None
        self.total, self.weight, self._step = float(total[-1]), float(weight[-1]), int(step[-1])
        return total, weight

    def _weights(self, gap: Ints, finite: NDArray[np.bool_]) -> Floats:
        """Equal steps soon bring the weight to a float that the recurrence maps to itself: it is then filled in."""
        weight = finite.astype(np.float64)
        changes = (gap != self._steady) | ~finite
        first = _first(changes) if self._steady is not None else 0
        weight[:first] = self.weight
        if first < len(weight):
            weight[first:] = self._recur(gap[first:], weight[first:], self.weight)
        return weight

    def _recur(self, gap: Ints, added: Floats, before: float) -> Floats:
        """N_k = decay^gap_k · N_{k−1} + added_k from N = `before`; `added` is overwritten.

        Up to the first point at another distance than the second one this is a filter of one coefficient.
        """
        added[0] += self.decay ** max(int(gap[0]), 0) * before
        even = 1 + _first(gap[1:] != gap[1]) if len(gap) > 1 else 1
        if even > 1:
            factor = self.decay ** max(int(gap[1]), 0)
            added[:even] = lfilter([1.0], [1.0, -factor], added[:even])
        if even < len(added):
            added[even - 1 :] = _recurrence(_powers(self.decay, gap[even - 1 :]), added[even - 1 :])
        return added


def _first(changes: NDArray[np.bool_]) -> int:
    """The index of the first True; the length if there is none."""
    at = int(changes.argmax()) if len(changes) else 0
    return at if at < len(changes) and changes[at] else len(changes)


def _recurrence(factor: Floats, added: Floats) -> Floats:
    """N_k = factor_k · N_{k−1} + added_k from N_0 = added_0.

    A lower bidiagonal system, which BLAS solves from the first row to the last: a multiplication and an addition each.
    """
    band = np.ones((len(added), 2))
    band[:-1, 1] = -factor[1:]
    return np.asarray(dtbsv(1, band.T, added, lower=1, diag=1))


def _powers(decay: float, gaps: Ints) -> Floats:
    """decay ** gaps. Nearly all gaps are equal; each different one is computed once, and always in the same way."""
    usual = int(gaps[-1])
    powers = np.full(len(gaps), decay ** max(usual, 0))
    others = np.flatnonzero(gaps != usual)
    different, places = np.unique(gaps[others], return_inverse=True)
    powers[others] = np.array([decay ** max(gap, 0) for gap in different.tolist()])[places]
    return powers


def window(x: Floats, lo: float | None, hi: float | None) -> slice:
    """The part of sorted `x` inside [lo, hi] and one point beyond either end, so that lines reach the frame."""
    first = 0 if lo is None else int(np.searchsorted(x, lo, side="left")) - 1
    last = len(x) if hi is None else int(np.searchsorted(x, hi, side="right")) + 1
    return slice(max(first, 0), min(max(last, 0), len(x)))


def thin(x: Floats, y: Floats, max_points: int, log_x: bool = False) -> Indices:
    """Sorted indices of at most `max_points` points that keep the picture of the finite points of (x, y).

    Buckets of equal width on the axis as it is drawn (`log_x`: on log x); of each its first, lowest, highest and last
    point. `x` must not decrease. The first, the last, the lowest and the highest of all points are always kept.

    Raises:
        ValueError: `max_points` is below 8.
    """
    if max_points < 8:
        raise ValueError("max_points must be at least 8")
    finite = np.isfinite(y)
    index = None if finite.all() else np.flatnonzero(finite)
    if index is not None:
        x, y = x[index], y[index]
    if len(y) <= max_points:
        return np.arange(len(y)) if index is None else index
    starts = _bucket_starts(x, max_points // 4, log_x)
    ends = np.append(starts[1:], len(y))
    of_bucket = [_picture(y[a:b]) + a for a, b in zip(starts, ends, strict=True)]
    kept: Indices = np.unique(np.concatenate(of_bucket))
    return kept if index is None else index[kept]


def _picture(y: Floats) -> Indices:
    """First, lowest, highest and last; of equal values the earliest is the lowest, the latest the highest."""
    highest = np.flatnonzero(y == y.max())[-1]
    return np.array([0, y.argmin(), highest, len(y) - 1], dtype=np.int64)


def _bucket_starts(x: Floats, count: int, log_x: bool) -> Ints:
    """The index of the first point of every bucket that has one; on a log axis points at or below 0 share the first."""
    if log_x:
        first = int(np.searchsorted(x, 0.0, side="right"))
        if first == len(x):
            return np.zeros(1, dtype=np.int64)
        edges = np.geomspace(x[first], x[-1], count + 1)
    else:
        edges = np.linspace(x[0], x[-1], count + 1)
    if edges[0] == edges[-1]:
        return np.unique(np.arange(count) * len(x) // count)
    starts = np.searchsorted(x, edges[1:-1], side="left")
    return np.unique(np.concatenate(([0], starts[starts < len(x)])))
