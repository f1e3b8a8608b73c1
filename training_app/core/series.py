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

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Axis = Literal["tokens", "step", "time"]
AXES: tuple[Axis, ...] = ("tokens", "step", "time")

_BLOCK = 32_768  # points smoothed at once: what that needs stays in the processor's cache


@dataclass(frozen=True)
class Series:
    """One metric of one run in the order of its steps: four arrays of equal length.

    `step` and `tokens` (tokens seen) are int64, `time` is Unix seconds, `value` may hold NaN and ±inf.
    """

    step: Ints
    tokens: Ints
    time: Floats
    value: Floats

    def __len__(self) -> int:
        return len(self.step)

    @property
    def finite(self) -> NDArray[np.bool_]:
        return np.isfinite(self.value)

    def x(self, axis: Axis, start: float = 0.0) -> Floats:
        """The horizontal axis as float64; time is in seconds since `start`."""
        if axis == "time":
            return self.time - start
        return np.asarray(self.step if axis == "step" else self.tokens, dtype=np.float64)

    def take(self, index: NDArray[Any]) -> Series:
        return Series(self.step[index], self.tokens[index], self.time[index], self.value[index])

    def then(self, later: Series) -> Series:
        """This series and the points after it."""
        if not len(later):
            return self
        step, tokens = (np.concatenate(both) for both in ((self.step, later.step), (self.tokens, later.tokens)))
        time, value = (np.concatenate(both) for both in ((self.time, later.time), (self.value, later.value)))
        return Series(step, tokens, time, value)


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
    """A smoothed series and the state with which it can be continued: `value` = `total` / `weight` at every point."""

    value: Floats
    total: float
    weight: float


def smooth(step: Ints, value: Floats, smoothing: float) -> Smoothed:
    """Debiased exponential moving average in steps, non-finite values left out.

    s_k = Σ_{i≤k} a^(step_k − step_i) · v_i / Σ_{i≤k} a^(step_k − step_i) with a = `smoothing` in [0, 1): an average
    with the weights of an EMA that is right from the first point on (Kingma & Ba 2015, §3) and knows that metrics are
    not logged at every step. s_k depends on the points up to k only. NaN until the first finite value.

    Raises:
        ValueError: `smoothing` is outside [0, 1).
    """
    if not 0.0 <= smoothing < 1.0:
        raise ValueError("smoothing must be at least 0 and below 1")
    if smoothing == 0.0:
        finite = np.isfinite(value)
        return Smoothed(np.where(finite, value, np.nan), *_last_point(value[finite]))
    smoothed, sums = np.empty(len(value)), _Sums(smoothing)
    for start in range(0, len(value), _BLOCK):
        block = slice(start, start + _BLOCK)
        total, weight = sums.over(step[block], value[block])
        with np.errstate(divide="ignore", invalid="ignore"):
            np.divide(total, weight, out=smoothed[block])
    return Smoothed(smoothed, sums.total, sums.weight)


def _last_point(values: Floats) -> tuple[float, float]:
    return (float(values[-1]), 1.0) if len(values) else (0.0, 0.0)


class _Sums:
    """Total and weight at each point: N_k = decay^(step_k − step_{k−1}) · N_{k−1} + v_k, block after block.

    Everything at a point is computed from the points up to it in an order that does not depend on the later ones, so
    the sums of a prefix are the same floats however long the series is.
    """

    def __init__(self, decay: float) -> None:
        self.decay, self.total, self.weight = decay, 0.0, 0.0
        self._step: int | None = None
        self._steady: float | None = None  # the factor under which another finite point leaves the weight as it is

    def over(self, step: Ints, value: Floats) -> tuple[Floats, Floats]:
        """The sums at the points of the next block."""
        factor = _powers(self.decay, np.diff(step, prepend=step[0] if self._step is None else self._step))
        finite = np.isfinite(value)
        total = _recurrence(factor, np.where(finite, value, 0.0), self.total)
        weight = self._weights(factor, finite)
        steady = len(weight) > 1 and finite[-1] and weight[-1] == weight[-2]
        self._steady = float(factor[-1]) if steady else None
        self.total, self.weight, self._step = float(total[-1]), float(weight[-1]), int(step[-1])
        return total, weight

    def _weights(self, factor: Floats, finite: NDArray[np.bool_]) -> Floats:
        """Equal steps soon bring the weight to a float that the recurrence maps to itself: it is then filled in."""
        weight = finite.astype(np.float64)
        changes = np.flatnonzero((factor != self._steady) | ~finite) if self._steady is not None else [0]
        first = int(changes[0]) if len(changes) else len(weight)
        weight[:first] = self.weight
        if first < len(weight):
            weight[first:] = _recurrence(factor[first:], weight[first:], self.weight)
        return weight


def _recurrence(factor: Floats, added: Floats, before: float) -> Floats:
    """N_k = factor_k · N_{k−1} + added_k from N = `before`; `added` is overwritten.

    A lower bidiagonal system, which BLAS solves from the first row to the last: a multiplication and an addition each.
    """
    added[0] += factor[0] * before
    band = np.ones((len(added), 2))
    band[:-1, 1] = -factor[1:]
    return np.asarray(dtbsv(1, band.T, added, lower=1, diag=1, overwrite_x=1))


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
    last = len(y) - 1
    return np.array([0, y.argmin(), last - y[::-1].argmax(), last], dtype=np.int64)


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
