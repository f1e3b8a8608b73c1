"""The contract of a policy and the registry of all of them (pure).

A policy is one file here:

    @POLICIES.register("shuffle")
    class Shuffle:
        title, summary: what a form and a page say
        class Config(chimera.typed.Config): its settings
        def __init__(self, config: Config)
        def preview(self, request) -> MixtureCurve
        def plan(self, request) -> Plan
        def pool(self, table, budget_tokens, seed) -> Pool: only where it is not one showing of as many tokens
        def prepare(self, dataset, open_): only where the config names something stored (by Ref)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from chimera.refs import Ref
from chimera.registry import Registry
from curriculum_app.core.claims import Claim
from curriculum_app.core.mixture_curve import MixtureCurve
from curriculum_app.core.plans import Plan, PlanRequest
from curriculum_app.core.pool import Pool, draw_pool
from curriculum_app.core.sequences import SequenceTable

Opener = Callable[[Ref[Any]], Any]


class Policy(ABC):
    """Decides what a run is shown and when. Equal requests give equal plans.

    `only_order` says that a plan shows every sequence of the pool exactly once and whole, so that arms which differ in
    nothing else compare order alone. `fact_titles` name what a plan's `facts` say, for the page of a schedule: without
    one a fact is called after its key, and under "" it is left out (something else shows it). Facts of several parts
    are a table, whose columns are named and ordered likewise. `claim` is what the
    method's source says in numbers; None where we know of none.
    """

    title: ClassVar[str]
    summary: ClassVar[str]
    only_order: bool = True
    fact_titles: ClassVar[Mapping[str, str]] = {}
    claim: ClassVar[Claim | None] = None

    def __init__(self, config: Any) -> None:
        self.config = config

    def pool(self, table: SequenceTable, budget_tokens: int, seed: int) -> Pool:
        """The sequences that may be shown for `budget_tokens` tokens; by default as many as the budget holds, once.

        Raises:
            InputError: the budget cannot be given; names `budget_tokens`.
        """
        return draw_pool(table, budget_tokens, seed)

    def prepare(self, dataset: str, open_: Opener) -> None:
        """Open what the config names; called before all else. `dataset` is the digest of the sequences' version.

        Raises:
            InputError: it belongs to another dataset version or lacks what is named; fields begin `policy.config`.
        """
        return None

    def meaning(self) -> dict[str, Any]:
        """The settings as they count for the schedule: stored things by digest. Call after `prepare`."""
        return dict(self.config.as_json())

    @abstractmethod
    def preview(self, request: PlanRequest) -> MixtureCurve:
        """The planned mixture over tokens, cheap enough for a page."""

    @abstractmethod
    def plan(self, request: PlanRequest) -> Plan:
        """The order and how well it keeps to the preview."""


POLICIES: Registry[Policy] = Registry("policy", "curriculum_app.core.policies")
