"""A mixture drawn by hand over the budget."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from curriculum_app.core.chosen_shares import chosen_grouping, require_tokens
from curriculum_app.core.drawn_curve import DrawnConfig, DrawnCurve, drawn_curve
from curriculum_app.core.mixture_curve import MixtureCurve
from curriculum_app.core.plans import Plan, PlanRequest, follow_greedily
from curriculum_app.core.policies.base import POLICIES, Policy
from curriculum_app.core.pool import Pool, every_sequence, unit_of
from curriculum_app.core.sequences import Grouping, SequenceTable

FIELD = "policy.config"


@POLICIES.register("drawn")
class Drawn(Policy):
    """A mixture curve f(N, G) given by its knots, realised by the greedy scheduler (TerRIFIC Curricula, Algorithm 1).

    Every sequence of the table is a candidate, shown at most once; what is shown is what brings the delivered totals
    closest to the curve, until the budget is reached.
    """

    title: ClassVar[str] = "Drawn mixture"
    summary: ClassVar[str] = "Shares of the groups as you draw them over the run, each sequence at most once."
    only_order = False
    Config = DrawnConfig

    config: DrawnConfig

    def pool(self, table: SequenceTable, budget_tokens: int, seed: int) -> Pool:
        """All sequences: the curve chooses among them.

        Raises:
            InputError: the budget or a group cannot be given; names `budget_tokens` or the knot.
        """
        pool, grouping = every_sequence(table, budget_tokens), self._grouping(table)
        owed = drawn_curve(self.config, grouping, budget_tokens, FIELD).curve.cumulative(float(budget_tokens))
        require_tokens(grouping.names, owed, grouping.totals(), budget_tokens, unit_of(table))
        return pool

    def _grouping(self, table: SequenceTable) -> Grouping:
        return chosen_grouping(table, self.config.grouping, f"{FIELD}.grouping")

    def _drawn(self, request: PlanRequest) -> DrawnCurve:
        return drawn_curve(self.config, self._grouping(request.table), request.budget_tokens, FIELD)

    def preview(self, request: PlanRequest) -> MixtureCurve:
        return self._drawn(request).curve

    def plan(self, request: PlanRequest) -> Plan:
        chosen, drawn = self.config, self._drawn(request)
        plan = follow_greedily(request, chosen.grouping, drawn.curve, chosen.length_term, sigma=chosen.sigma)
        return replace(plan, tracks=chosen.tracks, facts={**plan.facts, "curve_error": drawn.error})
