"""One metric over another: points joined by step where both were logged, nothing in between (pure numpy)."""

from __future__ import annotations

import numpy as np

from training_app.core import series as core
from training_app.core.series import Floats, Indices, Series


def joined(y: Series, x: Series) -> tuple[Indices, Floats]:
    """Indices into `y` in the order of its steps, and the value of `x` at the same steps.

    A step is taken where both series are finite; nothing is interpolated (wandb#1566). Where a series has several
    points at one step, its last one counts.
    """
    mine, theirs = _last_of_each_step(y), _last_of_each_step(x)
    _, at, other = np.intersect1d(y.step[mine], x.step[theirs], assume_unique=True, return_indices=True)
    return np.asarray(mine[at], dtype=np.int64), x.value[theirs[other]]


def _last_of_each_step(series: Series) -> Indices:
    finite = np.flatnonzero(series.finite)
    steps = series.step[finite]
    last = np.concatenate((steps[1:] != steps[:-1], [True])) if len(steps) else np.zeros(0, dtype=bool)
    return np.asarray(finite[last], dtype=np.int64)


def thin_path(order: Floats, x: Floats, y: Floats, max_points: int) -> Indices:
    """Sorted indices of at most `max_points` points of a path whose `x` may go back and forth.

    Buckets are of `order` (which does not decrease: the steps); of each the extremes of `x` and those of `y` are kept.
    """
    half = max(8, max_points // 2)
    if len(order) <= max_points:
        return np.arange(len(order), dtype=np.int64)
    return np.asarray(np.union1d(core.thin(order, x, half), core.thin(order, y, half)), dtype=np.int64)
