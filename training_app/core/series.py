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
from scipy.linalg.lapack import dtbtrs

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
    smoothed, carried = np.empty(len(value)), np.zeros(2)
    for start in range(0, len(value), _BLOCK):
        block = slice(start, start + _BLOCK)
        before = int(step[start - 1]) if start else int(step[0])
        sums = _decayed_sums(step[block], value[block], smoothing, before, carried)
        with np.errstate(divide="ignore", invalid="ignore"):
            np.divide(sums[:, 0], sums[:, 1], out=smoothed[block])
        carried = sums[-1].copy()
    return Smoothed(smoothed, float(carried[0]), float(carried[1]))


def _last_point(values: Floats) -> tuple[float, float]:
    return (float(values[-1]), 1.0) if len(values) else (0.0, 0.0)


def _decayed_sums(step: Ints, value: Floats, decay: float, before: int, carried: Floats) -> Floats:
    """(total, weight) at each point: N_k = decay^(step_k − step_{k−1}) · N_{k−1} + v_k from N = `carried` at `before`.

    The recurrence is a lower bidiagonal system, which LAPACK solves from the first row to the last: one multiplication
    and one addition a point, so the sums of a prefix are the same floats however long the series is.
    """
    factor = _powers(decay, np.diff(step, prepend=before))
    finite = np.isfinite(value)
    sums = np.empty((2, len(value)))
    sums[0] = np.where(finite, value, 0.0)
    sums[1] = finite
    sums[:, 0] += factor[0] * carried
    band = np.ones((len(value), 2))
    band[:-1, 1] = -factor[1:]
    solved, _ = dtbtrs(band.T, sums.T, uplo="L", diag="U", overwrite_b=1)
    return np.asarray(solved)


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
    index = np.flatnonzero(np.isfinite(y))
    if len(index) <= max_points:
        return index
    if len(index) < len(y):
        x, y = x[index], y[index]
    starts = _bucket_starts(x, max_points // 4, log_x)
    ends = np.append(starts[1:], len(y))
    of_bucket = [_picture(y[a:b]) + a for a, b in zip(starts, ends, strict=True)]
    kept: Indices = index[np.unique(np.concatenate(of_bucket))]
    return kept


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
