"""A mixture drawn by hand over the budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import numpy as np

from curriculum_app.core.chosen_shares import chosen_grouping, require_known, require_tokens
from curriculum_app.core.drawn_curve import DrawnConfig, DrawnCurve, drawn_curve
from curriculum_app.core.greedy_settings import mode_of
from curriculum_app.core.mixture_curve import MixtureCurve
from curriculum_app.core.packing import Int
from curriculum_app.core.plans import Plan, PlanRequest, follow_greedily
from curriculum_app.core.policies.base import POLICIES, Policy
from curriculum_app.core.pool import Pool, every_sequence, unit_of
from curriculum_app.core.scheduling.adherence import adherence_of
from curriculum_app.core.scheduling.lengths import require_text, shortened
from curriculum_app.core.scheduling.passes import pass_counts
from curriculum_app.core.sequences import Grouping, SequenceTable
from curriculum_app.core.shown_facts import lengths_over_tokens

FIELD = "policy.config"


@POLICIES.register("drawn")
class Drawn(Policy):
    """A mixture curve f(N, G) given by its knots, realised by the greedy scheduler (TerRIFIC Curricula, Algorithm 1).

    Every sequence of the table is a candidate, shown at most once or as often as its groups' passes say; what is shown
    is what brings the delivered totals closest to the curve, until the budget is reached.
    """

    title: ClassVar[str] = "Drawn mixture"
    summary: ClassVar[str] = "Shares of the groups as you draw them over the run, each sequence at most once."
    only_order = False
    fact_titles: ClassVar[Mapping[str, str]] = {"curve_error": "Largest difference from the drawn shares"}
    Config = DrawnConfig

    config: DrawnConfig

    def pool(self, table: SequenceTable, budget_tokens: int, seed: int) -> Pool:
        """All sequences, as often as they may be shown: the curve chooses among them.

        Raises:
            InputError: the budget or a group cannot be given; names `budget_tokens` or the knot.
        """
        if self.config.lengths is not None:
            require_text(table)
        grouping = self._grouping(table)
        owed = drawn_curve(self.config, grouping, budget_tokens, FIELD).curve.cumulative(float(budget_tokens))
        pool = every_sequence(table, budget_tokens, self._copies(table, grouping, seed))
        require_tokens(grouping.names, owed, grouping.totals(pool.ids), budget_tokens, unit_of(table))
        return pool

    def _grouping(self, table: SequenceTable) -> Grouping:
        return chosen_grouping(table, self.config.grouping, f"{FIELD}.grouping")

    def _copies(self, table: SequenceTable, grouping: Grouping, seed: int) -> Int:
        """Shape (M,): how often each may be shown. A sequence of several groups has the mean of their passes."""
        passes = self.config.passes
        require_known(grouping, passes, f"{FIELD}.passes")
        asked = np.array([passes.get(name, 1.0) for name in grouping.names])
        return pass_counts(grouping.counts @ asked / table.lengths, np.random.default_rng(seed), most=np.inf)

    def _drawn(self, request: PlanRequest) -> DrawnCurve:
        return drawn_curve(self.config, self._grouping(request.table), request.budget_tokens, FIELD)

    def preview(self, request: PlanRequest) -> MixtureCurve:
        return self._drawn(request).curve

    def plan(self, request: PlanRequest) -> Plan:
        chosen, drawn = self.config, self._drawn(request)
        plan = follow_greedily(
            request,
            chosen.grouping,
            drawn.curve,
            chosen.length_term,
            sigma=chosen.sigma,
            mode=mode_of(chosen.search),
        )
        plan = replace(plan, tracks=chosen.tracks, facts={**plan.facts, "curve_error": drawn.error})
        return plan if chosen.lengths is None else self._cut(request, plan)

    def _cut(self, request: PlanRequest, plan: Plan) -> Plan:
        """The same tokens in the same order, in rows no longer than drawn."""
        assert self.config.lengths is not None
        table, said = request.table, plan.adherence
        rows = shortened(plan.rows, table, self.config.lengths, remainder="reshape")
        method, exact = f"{said['method']}, then cut to length", said["exact"]
        ids = request.pool.ids
        report = adherence_of(table, rows, plan.grouping, plan.curve, method=method, exact=exact, candidates=ids)
        facts = {**plan.facts, "lengths": lengths_over_tokens(rows)}
        kept = {key: said[key] for key in ("mode", "horizon", "bounded_to_exact") if key in said}
        return replace(plan, rows=rows, adherence=report | kept | {"candidates": len(ids)}, facts=facts)
