"""The control arm: the pool in a seeded random order."""

from __future__ import annotations

from typing import ClassVar

from chimera.typed import Config as BaseConfig
from curriculum_app.core.mixture_curve import MixtureCurve
from curriculum_app.core.plans import Plan, PlanRequest, natural_curve, shuffled
from curriculum_app.core.policies.base import POLICIES, Policy

GROUPING = "domain"


@POLICIES.register("shuffle")
class Shuffle(Policy):
    """A random permutation (Fisher & Yates 1938); the baseline that every curriculum has to beat."""

    title: ClassVar[str] = "Shuffled"
    summary: ClassVar[str] = "Every sequence of the pool once, in random order: the baseline."

    class Config(BaseConfig):
        """No settings."""

    config: Config

    def preview(self, request: PlanRequest) -> MixtureCurve:
        return natural_curve(request, GROUPING)

    def plan(self, request: PlanRequest) -> Plan:
        return shuffled(request, GROUPING)
