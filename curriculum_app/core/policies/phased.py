"""Consecutive phases, each with its data, learning rate and gate: the blueprint's Phase I to V."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from curriculum_app.core.chosen_shares import chosen_grouping, require_tokens
from curriculum_app.core.greedy_settings import mode_of
from curriculum_app.core.mixture_curve import MixtureCurve
from curriculum_app.core.packing import Int
from curriculum_app.core.phased_plan import PhasedConfig, phased_curve
from curriculum_app.core.plans import Plan, PlanRequest, follow_greedily
from curriculum_app.core.policies.base import POLICIES, Policy
from curriculum_app.core.pool import Pool, every_sequence, unit_of
from curriculum_app.core.scheduling.difficulty_curve import group_difficulty
from curriculum_app.core.sequences import Grouping, SequenceTable


@POLICIES.register("phased")
class Phased(Policy):
    """A mixture curve with a jump at each phase, realised by the greedy scheduler (TerRIFIC Curricula).

    Chimera's own: the five phases are the blueprint's as far as an order of text can be them; what is not built yet is
    said in each phase's note, and the phase is then next token on its text.
    """

    title: ClassVar[str] = "Phases"
    summary: ClassVar[str] = "Phase after phase, each with its mixture, learning rate and gate: the blueprint's I to V."
    Config = PhasedConfig

    config: PhasedConfig

    def __init__(self, config: PhasedConfig) -> None:
        super().__init__(config)
        self.only_order = config.show == "pool"

    def pool(self, table: SequenceTable, budget_tokens: int, seed: int) -> Pool:
        """One showing of the budget, or all sequences where exact shares are asked for.

        Raises:
            InputError: the budget or a group cannot be given; names `budget_tokens` or the phase.
        """
        if self.only_order:
            return super().pool(table, budget_tokens, seed)
        pool, grouping = every_sequence(table, budget_tokens), self._grouping(table)
        owed = self._curve(table, pool.ids, budget_tokens).cumulative(float(budget_tokens))
        require_tokens(grouping.names, owed, grouping.totals(), budget_tokens, unit_of(table))
        return pool

    def _grouping(self, table: SequenceTable) -> Grouping:
        return chosen_grouping(table, self.config.grouping, "policy.config.grouping")

    def _curve(self, table: SequenceTable, ids: Int, budget: int) -> MixtureCurve:
        grouping = self._grouping(table)
        return phased_curve(self.config, grouping, group_difficulty(table, grouping), grouping.totals(ids), budget)

    def preview(self, request: PlanRequest) -> MixtureCurve:
        budget = request.pool.tokens if self.only_order else request.budget_tokens
        return self._curve(request.table, request.pool.ids, budget)

    def plan(self, request: PlanRequest) -> Plan:
        chosen, curve = self.config, self.preview(request)
        plan = follow_greedily(request, chosen.grouping, curve, chosen.length_term, mode=mode_of(chosen.search))
        facts = {**plan.facts, "phases": chosen.facts(request.budget_tokens)}
        return replace(plan, tracks=chosen.tracks(), facts=facts)
