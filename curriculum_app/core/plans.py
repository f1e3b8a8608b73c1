"""What a policy is asked and what it answers (pure)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from curriculum_app.core.mixture_curve import MixtureCurve
from curriculum_app.core.packing import Int
from curriculum_app.core.pool import Pool
from curriculum_app.core.schedule import rows_of
from curriculum_app.core.scheduling.adherence import adherence_of
from curriculum_app.core.scheduling.bounded_check import bounded_to_exact
from curriculum_app.core.scheduling.greedy import Mode
from curriculum_app.core.scheduling.horizon import MAX_EPOCHS, Horizon, order_with_repeats, renormalised
from curriculum_app.core.scheduling.target import CurveTarget, Target, bins_given_group, feasible_horizon
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
    request: PlanRequest,
    grouping: str,
    curve: MixtureCurve,
    length_term: float,
    *,
    sigma: float = 0.0,
    horizon: Horizon = "stop",
    max_epochs: int = MAX_EPOCHS,
    mode: Mode | None = None,
) -> Plan:
    """The plan that follows `curve` over `grouping` by the greedy scheduler, as far as the request's budget.

    Candidates are put in a seeded random order first, so that equals are not always taken in the same one; the same
    seed drives the noise `sigma` (in squared sequence lengths).

    Args:
        horizon: what follows where the curve owes more of a group than there is. "stop" ends there, unless the budget
            is everything there is: that is shown to the end, and the report tells the drift. "drift" goes on, "repeat"
            shows sequences again (at most `max_epochs` times), "renormalise" keeps the shares of the groups that last.
        mode: see `greedy_order`.
    """
    table, rng = request.table, np.random.default_rng(request.seed)
    ids = rng.permutation(request.pool.ids)
    groups, bins = table.grouping(grouping).counts[ids], sparse.csr_array(table.bins[ids])
    given, available = bins_given_group(groups, bins), np.asarray(groups.sum(axis=0))
    target: Target = CurveTarget(curve, given)
    budget, repeats = request.budget_tokens, horizon == "repeat"
    if horizon == "renormalise":
        target = renormalised(target, available, given, budget)
    if horizon == "stop" and budget < available.sum():
        budget = min(budget, int(feasible_horizon(target, available)))
    order = order_with_repeats(
        groups,
        bins,
        target,
        length_term=length_term,
        sigma=sigma,
        rng=rng,
        budget=budget,
        mode=mode,
        max_epochs=max_epochs if repeats else 1,
    )
    rows = _within(rows_of(table, ids[order.rows]), budget)
    report = _report(request, grouping, curve, rows, method=order.method, exact=order.exact)
    report |= {"mode": order.mode, "horizon": horizon}
    if order.mode == "bounded":
        report["bounded_to_exact"] = bounded_to_exact(groups, bins, target, length_term, budget, request.seed)
    return Plan(rows, grouping, curve, report)


def _within(rows: NDArray[np.void], budget: int) -> NDArray[np.void]:
    """The rows that fit the budget whole."""
    return rows[np.cumsum(rows["length"], dtype=np.int64) <= budget]


def shuffled(request: PlanRequest, grouping: str) -> Plan:
    """The pool in a seeded random order, reported against its own constant shares."""
    order = np.random.default_rng(request.seed).permutation(request.pool.ids)
    curve, rows = natural_curve(request, grouping), rows_of(request.table, order)
    return Plan(rows, grouping, curve, _report(request, grouping, curve, rows, method="shuffle", exact=False))


def _report(
    request: PlanRequest, grouping: str, curve: MixtureCurve, rows: NDArray[np.void], *, method: str, exact: bool
) -> dict[str, Any]:
    ids = request.pool.ids
    report = adherence_of(request.table, rows, grouping, curve, method=method, exact=exact, candidates=ids)
    return report | {"candidates": len(ids)}
