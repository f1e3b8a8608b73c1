"""What a policy is asked and what it answers (pure)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curriculum_app.core.mixture_curve import MixtureCurve
from curriculum_app.core.packing import Int
from curriculum_app.core.pool import Pool
from curriculum_app.core.schedule import rows_of
from curriculum_app.core.scheduling.adherence import adherence_report
from curriculum_app.core.scheduling.greedy import METHOD, greedy_order
from curriculum_app.core.scheduling.target import CurveTarget, bins_given_group
from curriculum_app.core.sequences import SequenceTable
from curriculum_app.core.tracks import Tracks


@dataclass(frozen=True)
class PlanRequest:
    """Order the sequences of `pool`; `seed` decides between equals and drives any shuffling.

    `budget` is how many tokens the run is shown; 0 means those of the pool, once.
    """

    table: SequenceTable
    pool: Pool
    seed: int
    budget: int = 0

    @property
    def budget_tokens(self) -> int:
        return self.budget or self.pool.tokens


@dataclass(frozen=True)
class Plan:
    """Rows in delivery order (dtype `schedule.ROW`), the mixture they were to follow, and how well they do.

    A row shows a sequence or a part of it; a sequence stands in several rows only where the policy was asked to repeat
    or to cut. `tracks` are what the curriculum says of training beside its data, `facts` what a page should know of how
    it was made (JSON).
    """

    rows: NDArray[np.void]
    grouping: str
    curve: MixtureCurve
    adherence: dict[str, Any]
    tracks: Tracks = field(default_factory=Tracks)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def order(self) -> Int:
        """The sequence of every row."""
        return np.asarray(self.rows["sequence"], dtype=np.int64)


def natural_curve(request: PlanRequest, grouping: str) -> MixtureCurve:
    """The pool's own shares of a grouping at all times."""
    groups = request.table.grouping(grouping)
    totals = groups.totals(request.pool.ids)
    return MixtureCurve.constant(groups.names, totals / totals.sum())


def follow_greedily(
    request: PlanRequest, grouping: str, curve: MixtureCurve, length_term: float, *, sigma: float = 0.0
) -> Plan:
    """The plan that follows `curve` over `grouping` by the greedy scheduler, until the budget is reached.

    Candidates are put in a seeded random order first, so that equals are not always taken in the same one.
    """
    rng = np.random.default_rng(request.seed)
    ids, budget = rng.permutation(request.pool.ids), float(request.budget_tokens)
    groups, bins = request.table.grouping(grouping).dense(ids), request.table.bins[ids]
    target = CurveTarget(curve, bins_given_group(groups, bins))
    rows = greedy_order(groups, bins, target, length_term=length_term, sigma=sigma, rng=rng, budget=budget)
    report = adherence_report(curve.names, groups, bins, rows, target, method=METHOD, exact=True)
    return Plan(rows_of(request.table, ids[rows]), grouping, curve, report)


def shuffled(request: PlanRequest, grouping: str) -> Plan:
    """The pool in a seeded random order, reported against its own constant shares."""
    ids, curve = request.pool.ids, natural_curve(request, grouping)
    rows = np.random.default_rng(request.seed).permutation(len(ids))
    groups, bins = request.table.grouping(grouping).dense(ids), request.table.bins[ids]
    target = CurveTarget(curve, bins_given_group(groups, bins))
    report = adherence_report(curve.names, groups, bins, rows, target, method="shuffle", exact=False)
    return Plan(rows_of(request.table, ids[rows]), grouping, curve, report)
