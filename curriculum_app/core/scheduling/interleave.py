"""Interleaving sources by rescaled rank, so that each is spread evenly over the whole order (pure).

Source: PCMind-2.1-Kaiyuan-2B (arXiv 2512.07612), Algorithm 1. Row r = 1 … N_i of source i stands at r · N / N_i, plus
noise if asked; all rows are sorted by that, ties in random order. So a stretch of w on that scale holds w · N_i / N
rows of source i, give or take one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from curriculum_app.core.mixture_curve import Float
from curriculum_app.core.packing import Int


def rescaled_ranks(sizes: Sequence[int]) -> Float:
    """Shape (N,): r · N / N_i of every row, one source after another."""
    total = sum(sizes)
    return np.concatenate([np.arange(1, size + 1) * total / max(size, 1) for size in sizes] or [np.zeros(0)])


def interleaved(sources: Sequence[Int], rng: np.random.Generator, perturb: float = 0.0) -> Int:
    """All rows of `sources`, each of which comes in its own order (worst first), as one order.

    Args:
        perturb: uniform noise in [0, perturb) is added to the rescaled ranks.
    """
    place = rescaled_ranks([len(rows) for rows in sources])
    if perturb:
        place = place + perturb * rng.random(len(place))
    rows = np.concatenate([*sources, np.zeros(0, dtype=np.int64)]).astype(np.int64)
    return rows[np.lexsort((rng.random(len(place)), place))]


def shares_within(weights: Float, least: Float, most: Float, total: float) -> Float:
    """Amounts in proportion to `weights` that sum to `total`, each kept between `least` and `most`.

    Needs sum(least) <= total <= sum(most) and least <= most; those held at a bound leave the rest to the others.
    """
    low, high = 0.0, max(float(total), 1.0) / max(float(weights[weights > 0].min(initial=1.0)), 1e-300)
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if np.clip(middle * weights, least, most).sum() < total else (low, middle)
    return np.asarray(np.clip(high * weights, least, most), dtype=np.float64)


def whole_amounts(amounts: Float, least: Int, most: Int, total: int) -> Int:
    """Whole numbers next to `amounts` that sum to `total` within the bounds; the largest remainders are rounded up."""
    whole = np.clip(np.floor(amounts + 1e-9).astype(np.int64), least, most)
    while missing := total - int(whole.sum()):
        step = 1 if missing > 0 else -1
        free = np.flatnonzero(whole < most) if step > 0 else np.flatnonzero(whole > least)
        order = free[np.argsort(-step * (amounts - whole)[free], kind="stable")]
        whole[order[: abs(missing)]] += step
    return whole
