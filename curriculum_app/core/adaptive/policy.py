"""Policies that decide during the run (pure): in the same registry as those that plan, so every door offers them."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, NamedTuple

import numpy as np

from chimera.errors import InputError, Problem
from curriculum_app.core.adaptive.contract import Chooser
from curriculum_app.core.mixture_curve import MixtureCurve
from curriculum_app.core.packing import Int
from curriculum_app.core.plans import Plan, PlanRequest, natural_curve
from curriculum_app.core.policies.base import POLICIES, Policy
from curriculum_app.core.pool import Pool, draw_pool
from curriculum_app.core.schedule import Schedule
from curriculum_app.core.sequences import SequenceTable

GROUPING = "domain"


class Series(NamedTuple):
    """A number that a chooser says of itself, for the charts: its `name` in `metrics` or `scalars`."""

    name: str
    title: str
    unit: str = ""
    description: str = ""


class AdaptivePolicy(Policy):
    """Chooses every step's rows while the run goes on. `series` describes its numbers."""

    only_order = False
    series: ClassVar[tuple[Series, ...]] = ()

    def pool(self, table: SequenceTable, budget_tokens: int, seed: int) -> Pool:
        """The candidates: by default as many as the budget holds, once.

        Raises:
            InputError: the sequences are not packed text of one length, or the budget cannot be given.
        """
        require_equal_lengths(table, budget_tokens)
        return draw_pool(table, budget_tokens, seed)

    def preview(self, request: PlanRequest) -> MixtureCurve:
        """The candidates' own shares: nobody knows yet what will be chosen of them."""
        return natural_curve(request, GROUPING)

    def plan(self, request: PlanRequest) -> Plan:
        """There is none.

        Raises:
            InputError: always.
        """
        message = f"{self.title} decides during the run: there is no order to plan"
        raise InputError(Problem(message, field="policy", hint="train on its schedule; its journal is the order"))

    @abstractmethod
    def chooser(self, table: SequenceTable, candidates: Int, seed: int) -> Chooser:
        """A fresh chooser over the sorted sequence ids `candidates`. Equal arguments give equal choosers."""


def require_equal_lengths(table: SequenceTable, budget_tokens: int) -> None:
    """Packed text, and a budget of whole sequences, so that the tokens of every step are known beforehand.

    Raises:
        InputError: says what is asked for.
    """
    length = table.sequence_length
    if table.form != "text" or (table.lengths != length).any():
        message = (
            "an adaptive policy needs packed text of one length, so that every step's tokens are known "
            f"beforehand; these sequences are {'of several lengths' if table.form == 'text' else table.form}"
        )
        raise InputError(Problem(message, field="sequences", hint="group the dataset version as text"))
    if budget_tokens % length or budget_tokens < length:
        near = sorted({max(budget_tokens // length, 1) * length, (budget_tokens // length + 1) * length})
        message = f"the budget of {budget_tokens:,} tokens is not a multiple of the sequence length {length}"
        raise InputError(Problem(message, field="budget_tokens", hint="use " + " or ".join(map(str, near))))


def chooser_of(schedule: Schedule, table: SequenceTable) -> Chooser:
    """A fresh chooser as the schedule of an adaptive policy describes it."""
    return policy_of(schedule).chooser(table, np.asarray(schedule.candidates), int(schedule.manifest["seed"]))


def policy_of(schedule: Schedule) -> AdaptivePolicy:
    """The policy of an adaptive schedule with its settings.

    Raises:
        InputError: it is not installed any more.
    """
    named: dict[str, Any] = schedule.manifest["policy"]
    policy = POLICIES.build(named["key"], named["config"])
    assert isinstance(policy, AdaptivePolicy), "only its schedules say that they are adaptive"
    return policy
