"""How much further from the plan the bounded search strays than the exact one, on a sample of a pool (pure)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from curriculum_app.core.mixture_curve import Float
from curriculum_app.core.scheduling.adherence import Delivery, deviation
from curriculum_app.core.scheduling.greedy import LIMIT, Mode, greedy_order
from curriculum_app.core.scheduling.target import Rows, Target

SAMPLE = 20_000  # sequences


@dataclass(frozen=True)
class SampledTarget:
    """A plan for a part of the sequences: each group and bin as often owed as there is of it in the part.

    `portion` (1): tokens of the part by those of all. `of_groups` (K,), `of_bins` (B,): the same of each, over it.
    """

    target: Target
    portion: float
    of_groups: Float
    of_bins: Float

    @property
    def constant(self) -> bool:
        return self.target.constant

    def groups(self, tokens: Float) -> Float:
        return self._scaled(self.target.groups(tokens / self.portion) * self.of_groups, tokens)

    def bins(self, tokens: Float) -> Float:
        return self._scaled(self.target.bins(tokens / self.portion) * self.of_bins, tokens)

    @staticmethod
    def _scaled(owed: Float, tokens: Float) -> Float:
        sums = owed.sum(axis=1)
        return np.asarray(owed * (tokens / np.where(sums > 0, sums, 1.0))[:, None], dtype=np.float64)


def bounded_to_exact(groups: Rows, bins: Rows, target: Target, length_term: float, budget: float, seed: int) -> float:
    """Largest deviation of a group in mode "bounded" by that in mode "exact", both over one seeded sample.

    The sample is of `SAMPLE` sequences, its bounded search of as many blocks for its size as that of the whole pool.

    Args:
        groups, bins: (M, K) and (M, B) tokens of the pool. budget: tokens ordered of it.
    """
    count = groups.shape[0]
    chosen = np.sort(np.random.default_rng(seed).permutation(count)[:SAMPLE])
    part, spread = groups[chosen], bins[chosen]
    portion = float(part.sum() / groups.sum())
    wanted = SampledTarget(target, portion, _abundance(part, groups, portion), _abundance(spread, bins, portion))
    limit = max(1, round(LIMIT * len(chosen) / count))
    modes: tuple[Mode, Mode] = ("bounded", "exact")
    off = [_deviation(part, spread, wanted, length_term, portion * budget, mode, limit) for mode in modes]
    return off[0] / max(off[1], 1e-12)


def _deviation(
    groups: Rows, bins: Rows, target: Target, length_term: float, budget: float, mode: Mode, limit: int
) -> float:
    order = greedy_order(groups, bins, target, length_term=length_term, budget=budget, mode=mode, limit=limit)
    return deviation(Delivery(groups, bins).in_order(order.rows), target).largest


def _abundance(part: Rows, whole: Rows, portion: float) -> Float:
    """Shape (columns,): 1 where a part holds its portion of a column."""
    held, all_of_it = (np.asarray(counts.sum(axis=0), dtype=np.float64) for counts in (part, whole))
    return np.asarray(held / np.maximum(portion * all_of_it, 1e-12), dtype=np.float64)
