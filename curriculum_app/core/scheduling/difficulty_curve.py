"""Mixture curves over difficulty bins (pure)."""

from __future__ import annotations

from typing import Literal

import numpy as np

from curriculum_app.core.mixture_curve import Float, MixtureCurve, fit_to_totals
from curriculum_app.core.pool import Pool
from curriculum_app.core.sequences import Grouping, SequenceTable

GROUPING = "difficulty"
KNOTS = 9  # the curve is straight in log N between the first and last; more knots only refine its integral


def difficulty_curve(
    table: SequenceTable, pool: Pool, *, sharpness: float, start: float, direction: Literal[1, -1]
) -> MixtureCurve:
    """Shares that tilt from one end of the difficulty scale to the other while every bin gets exactly its tokens.

    With d_k in [0, 1] the difficulty of bin k and u = log(N / N_0) / log(budget / N_0) in [0, 1], the logit of bin k is
    a_k + direction * sharpness * (2u - 1) * d_k, constant until N_0 = start * budget; the offsets a_k make the integral
    over the budget equal each bin's tokens in the pool.
    """
    grouping = table.grouping(GROUPING)
    u = np.linspace(0.0, 1.0, KNOTS)
    knots = pool.tokens * start ** (1 - u)
    tilt = direction * sharpness * (2 * u - 1)
    curve = MixtureCurve(grouping.names, knots, np.multiply.outer(tilt, group_difficulty(table, grouping)))
    return fit_to_totals(curve, grouping.totals(pool.ids))


def group_difficulty(table: SequenceTable, grouping: Grouping) -> Float:
    """Shape (K,): mean difficulty of each group's tokens, stretched to [0, 1]; 0.5 for empty ones and for all alike."""
    counts = grouping.counts
    totals = np.asarray(counts.sum(axis=0), dtype=np.float64).ravel()
    mean = np.asarray(counts.T @ table.difficulty, dtype=np.float64) / np.maximum(totals, 1)
    low, high = mean[totals > 0].min(), mean[totals > 0].max()
    if high <= low:
        return np.full(len(mean), 0.5)
    return np.where(totals > 0, (mean - low) / (high - low), 0.5)
