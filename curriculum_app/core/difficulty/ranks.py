"""Ranks weighted by tokens, so that equal bins of rank hold about equal shares of the text (pure)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from curriculum_app.core.mixture_curve import Float
from curriculum_app.core.packing import Int


def weighted_ranks(values: ArrayLike, weights: ArrayLike) -> Float:
    """Shape (D,), in [0, 1]: share of the weight with a smaller value plus half of that with an equal one.

    Equal values get equal ranks (the average of ties), and the weighted mean rank is 0.5.
    """
    distinct, which = np.unique(np.asarray(values, dtype=np.float64), return_inverse=True)
    mass = np.bincount(which, np.asarray(weights, dtype=np.float64), len(distinct))
    if mass.sum() <= 0:
        return np.full(len(which), 0.5)
    below = np.cumsum(mass) - mass
    return np.asarray(((below + mass / 2) / mass.sum())[which], dtype=np.float64)


def ranks_within(values: ArrayLike, weights: ArrayLike, parts: Int) -> Float:
    """Shape (D,): `weighted_ranks` of each part (domain) by itself."""
    number, weight = np.asarray(values, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    ranks = np.zeros(len(number))
    for part in np.unique(parts):
        chosen = parts == part
        ranks[chosen] = weighted_ranks(number[chosen], weight[chosen])
    return ranks


def quantile_bin(ranks: Float, bins: int) -> Int:
    """Shape (D,): 0 ... bins - 1, equal steps of rank."""
    return np.minimum((ranks * bins).astype(np.int64), bins - 1)
