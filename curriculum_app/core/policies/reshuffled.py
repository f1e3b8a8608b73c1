"""What a schedule shows, in random order: the control that parts selection from order."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from chimera.errors import InputError, Problem
from chimera.refs import Ref
from chimera.typed import Config as BaseConfig
from curriculum_app.core.mixture_curve import MixtureCurve
from curriculum_app.core.order_plans import plan_of_rows
from curriculum_app.core.plans import Plan, PlanRequest
from curriculum_app.core.policies.base import POLICIES, Opener, Policy
from curriculum_app.core.pool import Pool, pool_of
from curriculum_app.core.schedule import Schedule, tokens_shown
from curriculum_app.core.sequences import SequenceTable

GROUPING = "domain"


@POLICIES.register("reshuffled")
class Reshuffled(Policy):
    """The rows of a schedule, repeats and parts included, in a seeded random order: the same multiset.

    Chimera's own control: an arm that selects differs from a shuffled baseline in what it shows and in when.
    """

    title: ClassVar[str] = "Schedule, shuffled"
    summary: ClassVar[str] = "All that another schedule shows, as often as it does, in random order."
    only_order = False

    class Config(BaseConfig):
        schedule: Ref[Schedule] | None = Field(None, title="Schedule", description="Whose rows are shuffled.")

    config: Config
    _rows: NDArray[np.void] | None = None
    _meaning: tuple[str, str] = ("", "")

    def prepare(self, dataset: str, open_: Opener) -> None:
        if self.config.schedule is None:
            return
        schedule: Schedule = open_(self.config.schedule)
        if schedule.is_adaptive:
            message = f"{self.config.schedule} has no order before its run: its policy decides during it"
            raise InputError(Problem(message, "policy.config.schedule", hint="choose a schedule of another policy"))
        self._rows, self._meaning = schedule.rows, (schedule.order_digest, schedule.sequences_digest)

    def meaning(self) -> dict[str, Any]:
        return {"order": self._meaning[0]}

    def _chosen(self, table: SequenceTable) -> NDArray[np.void]:
        if self._rows is None:
            raise InputError(Problem("no schedule is chosen", "policy.config.schedule", hint="choose one to shuffle"))
        if self._meaning[1] != table.digest:
            message = f"{self.config.schedule} orders other sequences"
            raise InputError(Problem(message, "policy.config.schedule", hint="choose a schedule of these sequences"))
        return self._rows

    def pool(self, table: SequenceTable, budget_tokens: int, seed: int) -> Pool:
        """The sequences that the schedule shows, each once.

        Raises:
            InputError: there is no schedule, it is of other sequences, or it shows another number of tokens.
        """
        rows = self._chosen(table)
        shown = int(rows["length"].sum(dtype=np.int64))
        if not 0 <= budget_tokens - shown < table.sequence_length:
            message = f"{self.config.schedule} shows {shown:,} tokens, not {budget_tokens:,}"
            raise InputError(Problem(message, "budget_tokens", hint=f"use {shown}"))
        return pool_of(table, np.unique(rows["sequence"]))

    def preview(self, request: PlanRequest) -> MixtureCurve:
        shown = tokens_shown(request.table, GROUPING, self._chosen(request.table))
        return MixtureCurve.constant(request.table.grouping(GROUPING).names, shown / shown.sum())

    def plan(self, request: PlanRequest) -> Plan:
        rows = np.random.default_rng(request.seed).permutation(self._chosen(request.table))
        return plan_of_rows(request, rows, GROUPING, self.preview(request), method="shuffle")
