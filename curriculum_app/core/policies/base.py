"""The contract of a policy and the registry of all of them (pure).

A policy is one file here:

    @POLICIES.register("shuffle")
    class Shuffle:
        title, summary: what a form and a page say
        class Config(chimera.typed.Config): its settings
        def __init__(self, config: Config)
        def preview(self, request) -> MixtureCurve
        def plan(self, request) -> Plan
"""

from __future__ import annotations

from typing import ClassVar, Protocol

from chimera.registry import Registry
from curriculum_app.core.mixture_curve import MixtureCurve
from curriculum_app.core.plans import Plan, PlanRequest


class Policy(Protocol):
    """Decides the order of a pool. Equal requests give equal plans; a plan holds each sequence of the pool once."""

    title: ClassVar[str]
    summary: ClassVar[str]

    def preview(self, request: PlanRequest) -> MixtureCurve:
        """The planned mixture over tokens, cheap enough for a page."""

    def plan(self, request: PlanRequest) -> Plan:
        """The order and how well it keeps to the preview."""


POLICIES: Registry[Policy] = Registry("policy", "curriculum_app.core.policies")
