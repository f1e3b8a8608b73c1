"""How well an order keeps to its plan at every prefix, beside a plain shuffle of the same sequences (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from curriculum_app.core.mixture_curve import Float
from curriculum_app.core.packing import Int
from curriculum_app.core.scheduling.target import Counts, Target, feasible_horizon

POINTS = 200  # of a chart
SHUFFLES = 3


@dataclass(frozen=True)
class Deviation:
    """Distance from the plan after each sequence, in mean sequence lengths: largest over groups, and over bins."""

    tokens: Float  # (n,) delivered up to and including each sequence
    groups: Float  # (n,)
    bins: Float  # (n,)


def deviation(groups: Counts, bins: Counts, target: Target) -> Deviation:
    """Deviation of rows in delivery order: `groups` (n, K) and `bins` (n, B), tokens."""
    lengths = groups.sum(axis=1).astype(np.float64)
    tokens, unit = np.cumsum(lengths), lengths.mean()
    off_groups = np.abs(np.cumsum(groups, axis=0) - target.groups(tokens)).max(axis=1)
    off_bins = np.abs(np.cumsum(bins, axis=0) - target.bins(tokens)).max(axis=1)
    return Deviation(tokens, off_groups / unit, off_bins / unit)


def adherence_report(
    names: tuple[str, ...], groups: Counts, bins: Counts, order: Int, target: Target, *, method: str, exact: bool
) -> dict[str, Any]:
    """The report stored with a schedule (JSON).

    Args:
        names: K group names. groups, bins: (M, K), (M, B) of the pool. order: rows of the pool in delivery order.

    Returns:
        Deviations in mean sequence lengths (`max_deviation` over all prefixes and groups, ...), the same of plain
        shuffles, `feasible_horizon` (tokens), `drift_after_horizon`, `unused_tokens` by group, and `points`: cumulative
        tokens planned and delivered by group at no more than 200 prefixes.
    """
    got = deviation(groups[order], bins[order], target)
    shuffled = [deviation(groups[row], bins[row], target).groups for row in _shuffles(order)]
    horizon = feasible_horizon(target, groups.sum(axis=0))
    late = got.groups[got.tokens > horizon]
    unused = groups.sum(axis=0) - groups[order].sum(axis=0)
    return {
        "method": method,
        "exact": exact,
        "unit": "mean sequence lengths",
        "max_deviation": float(got.groups.max()),
        "mean_deviation": float(got.groups.mean()),
        "max_length_deviation": float(got.bins.max()),
        "shuffle_max_deviation": float(np.mean([row.max() for row in shuffled])),
        "shuffle_mean_deviation": float(np.mean([row.mean() for row in shuffled])),
        "feasible_horizon": horizon,
        "drift_after_horizon": float(late.max()) if len(late) else 0.0,
        "unused_tokens": {name: int(value) for name, value in zip(names, unused, strict=True)},
        "points": _points(groups[order], target, got.tokens),
    }


def _shuffles(order: Int) -> list[Int]:
    """Plain shuffles of the same rows, always the same ones."""
    return [np.random.default_rng(seed).permutation(np.sort(order)) for seed in range(SHUFFLES)]


def _points(groups: Counts, target: Target, tokens: Float) -> dict[str, Any]:
    at = np.unique(np.linspace(0, len(tokens) - 1, min(POINTS, len(tokens))).round().astype(np.int64))
    return {
        "tokens": tokens[at].astype(np.int64).tolist(),
        "planned": target.groups(tokens[at]).round(3).tolist(),
        "delivered": np.cumsum(groups, axis=0)[at].tolist(),
    }
