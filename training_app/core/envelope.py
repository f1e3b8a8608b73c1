"""Lowest and highest value per bucket of the axis: the band behind a line that had to be thinned (pure numpy)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training_app.core.series import Floats, Ints


@dataclass(frozen=True)
class Envelope:
    """`low` and `high` hold from `x` to the next `x`; two places a bucket, its first and its last logged point."""

    x: Floats
    low: Floats
    high: Floats


def envelope(x: Floats, y: Floats, num_buckets: int, log_x: bool = False) -> Envelope:
    """The band of the finite points of (x, y) over at most `num_buckets` buckets of equal width on the drawn axis.

    `x` must not decrease. Every place of the band is one that was logged, every border a value that was; on a log axis
    what lies at or below 0 is left out, as it cannot be drawn there.
    """
    kept = np.isfinite(y) & (x > 0 if log_x else True)
    if not kept.all():
        x, y = x[kept], y[kept]
    if not len(x):
        return Envelope(x, y, y)
    starts = _starts(np.log(x) if log_x else x, num_buckets)
    ends = np.concatenate((starts[1:], [len(x)])) - 1
    low, high = np.minimum.reduceat(y, starts), np.maximum.reduceat(y, starts)
    places = np.column_stack((starts, ends)).ravel()
    return Envelope(x[places], np.repeat(low, 2), np.repeat(high, 2))


def _starts(x: Floats, num_buckets: int) -> Ints:
    """The first index of every bucket that holds a point."""
    edges = np.linspace(x[0], x[-1], num_buckets + 1)[1:-1]
    found: Ints = np.unique(np.concatenate(([0], np.searchsorted(x, edges, side="left")))).astype(np.int64)
    return found[found < len(x)]
