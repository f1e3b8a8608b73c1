"""One mixture kept at every moment: the natural one of the domains, or shares of your own."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from chimera.typed import Config as BaseConfig
from curriculum_app.core.chosen_shares import WRITTEN, Shares, chosen_grouping, require_tokens, share_row
from curriculum_app.core.greedy_settings import LengthTerm, Search, mode_of
from curriculum_app.core.mixture_curve import MixtureCurve
from curriculum_app.core.plans import Plan, PlanRequest, follow_greedily, natural_curve
from curriculum_app.core.policies.base import POLICIES, Policy
from curriculum_app.core.pool import Pool, every_sequence, unit_of
from curriculum_app.core.sequences import Grouping, SequenceTable

FIELD = "policy.config"


@POLICIES.register("fixed_mixture")
class FixedMixture(Policy):
    """The greedy scheduler with constant shares as target (TerRIFIC Curricula, static).

    What a shuffle does on average, this does at every prefix. With the pool's own shares the whole pool is shown; with
    others the scheduler chooses among all sequences.
    """

    title: ClassVar[str] = "Even mixture"
    summary: ClassVar[str] = "Every stretch of the run holds the groups in the same proportions."

    class Config(BaseConfig):
        grouping: str = Field("domain", title="Grouping", description="what the shares are of", min_length=1)
        shares: Shares = Field(
            default_factory=dict,
            title="Shares",
            description="Of the groups, in all 1; without any they are the pool's own.",
            json_schema_extra=dict(WRITTEN),
        )
        length_term: LengthTerm = 1.0
        search: Search = "automatic"

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.only_order = not config.shares

    def pool(self, table: SequenceTable, budget_tokens: int, seed: int) -> Pool:
        """All sequences where shares are chosen, for then some of them are left over.

        Raises:
            InputError: the budget or a group cannot be given; names `budget_tokens` or the shares.
        """
        if not self.config.shares:
            return super().pool(table, budget_tokens, seed)
        pool, grouping = every_sequence(table, budget_tokens), self._grouping(table)
        owed = share_row(grouping, self.config.shares, f"{FIELD}.shares") * budget_tokens
        require_tokens(grouping.names, owed, grouping.totals(), budget_tokens, unit_of(table))
        return pool

    def _grouping(self, table: SequenceTable) -> Grouping:
        return chosen_grouping(table, self.config.grouping, f"{FIELD}.grouping")

    def preview(self, request: PlanRequest) -> MixtureCurve:
        grouping = self._grouping(request.table)
        if not self.config.shares:
            return natural_curve(request, self.config.grouping)
        shares = share_row(grouping, self.config.shares, f"{FIELD}.shares")
        return MixtureCurve.constant(grouping.names, shares)

    def plan(self, request: PlanRequest) -> Plan:
        chosen, curve = self.config, self.preview(request)
        return follow_greedily(request, chosen.grouping, curve, chosen.length_term, mode=mode_of(chosen.search))
