"""Series of a run for charts: assembled from stored rows, smoothed on the full data, then thinned (pure numpy).

Smoothing always comes first, so a smoothed value does not depend on the zoom, on the number of points drawn or on what
was logged later (tensorboard#1518, #6829). Thinning keeps the minimum and the maximum of every bucket with their own
steps, so a spike of one step among a million stays visible (wandb#4295, #5866).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Axis = Literal["tokens", "step", "time"]
AXES: tuple[Axis, ...] = ("tokens", "step", "time")

_BLOCK_DECAY = 1e60  # a block of the blocked sum ends before smoothing**-steps exceeds this


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
    finite = np.isfinite(value)
    if smoothing == 0.0:
        return Smoothed(np.where(finite, value, np.nan), *_last_point(value[finite]))
    totals = _decayed_sum(step, np.where(finite, value, 0.0), smoothing)
    weights = _decayed_sum(step, finite.astype(np.float64), smoothing)
    smoothed = np.divide(totals, weights, out=np.full(len(value), np.nan), where=weights > 0)
    ends = (float(totals[-1]), float(weights[-1])) if len(value) else (0.0, 0.0)
    return Smoothed(smoothed, *ends)


def _last_point(values: Floats) -> tuple[float, float]:
    return (float(values[-1]), 1.0) if len(values) else (0.0, 0.0)


def _decayed_sum(step: Ints, value: Floats, decay: float) -> Floats:
    """N_k = decay^(step_k − step_{k−1}) · N_{k−1} + v_k, a block at a time: inside a block it is one cumulative sum.

    Blocks start at fixed distances in steps, so the sums of a prefix are the same floats however long the series is.
    """
    span = max(1, int(math.log(_BLOCK_DECAY) / -math.log(decay)))
    result = np.empty(len(value))
    carried, last, start = 0.0, 0, 0
    while start < len(value):
        origin = int(step[start])
        end = start + int(np.searchsorted(step[start:], origin + span, side="left"))
        offset = (step[start:end] - origin).astype(np.float64)
        carried *= decay ** float(origin - last) if start else 0.0
        result[start:end] = (carried + np.cumsum(value[start:end] * decay**-offset)) * decay**offset
        carried, last, start = float(result[end - 1]), int(step[end - 1]), end
    return result


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
    x, y = x[index], y[index]
    bucket = _buckets(x, max_points // 4, log_x)
    starts = np.flatnonzero(np.concatenate(([True], bucket[1:] != bucket[:-1])))
    ends = np.concatenate((starts[1:], [len(bucket)])) - 1
    order = np.lexsort((y, bucket))  # stable: of equal values the earliest is the lowest, the latest the highest
    kept: Indices = index[np.unique(np.concatenate((starts, order[starts], order[ends], ends)))]
    return kept


def _buckets(x: Floats, count: int, log_x: bool) -> Ints:
    """The bucket number of every point; on a log axis points at or below 0 share the first bucket."""
    if log_x:
        floor = x[x > 0].min(initial=np.inf)
        x = np.log(np.maximum(x, floor)) if np.isfinite(floor) else np.zeros_like(x)
    span = float(x[-1] - x[0])
    if span <= 0:
        return np.asarray(np.arange(len(x)) * count // len(x), dtype=np.int64)
    numbers: Ints = np.minimum((x - x[0]) / span * count, count - 1).astype(np.int64)
    return numbers
