"""What a schedule tells a page of the order it shows things in, in JSON and small (pure)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from curriculum_app.core.mixture_curve import Float

POINTS = 200  # of a chart
STRETCHES = 50


def lengths_over_tokens(rows: NDArray[np.void]) -> dict[str, list[int]]:
    """The longest row of each of at most 200 stretches of equal tokens, and the tokens shown before it.

    Rests of cut sequences are shorter than what the curriculum allows: they would only hide it.
    """
    ends = np.cumsum(rows["length"], dtype=np.int64)
    first = np.unique(np.searchsorted(ends, np.linspace(0, ends[-1] - 1, POINTS), side="right"))
    longest = np.maximum.reduceat(rows["length"], first)
    return {"tokens": (ends[first] - rows["length"][first]).tolist(), "length": longest.tolist()}


def ranks_over_tokens(rows: NDArray[np.void], ranks: Float) -> dict[str, list[float]]:
    """What is shown when: 10th, 50th and 90th percentile of the rows' ranks, (n,) in [0, 1].

    In at most 50 stretches of as many rows each; `tokens` are those shown at the middle of a stretch.
    """
    ends = np.cumsum(rows["length"], dtype=np.int64)
    parts = np.array_split(np.arange(len(rows)), min(STRETCHES, len(rows)))
    low, middle, high = np.array([np.percentile(ranks[part], [10, 50, 90]) for part in parts]).round(4).T.tolist()
    tokens = [int((ends[part[0]] - rows["length"][part[0]] + ends[part[-1]]) // 2) for part in parts]
    return {"tokens": tokens, "low": low, "middle": middle, "high": high}


def distribution(values: Float) -> dict[str, list[float]]:
    """The cumulative distribution of `values` (n,) at no more than 200 shares."""
    shares = np.linspace(0.0, 1.0, min(POINTS, len(values)))
    return {"share": shares.round(4).tolist(), "value": np.quantile(values, shares).round(6).tolist()}
