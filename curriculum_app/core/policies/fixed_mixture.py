"""The natural mixture of domains, kept at every moment."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from chimera.typed import Config as BaseConfig
from curriculum_app.core.mixture_curve import MixtureCurve
from curriculum_app.core.plans import Plan, PlanRequest, follow_greedily, natural_curve
from curriculum_app.core.policies.base import POLICIES, Policy

GROUPING = "domain"


@POLICIES.register("fixed_mixture")
class FixedMixture(Policy):
    """The greedy scheduler with the pool's own domain shares as target (TerRIFIC Curricula, static).

    What a shuffle does on average, this does at every prefix.
    """

    title: ClassVar[str] = "Even mixture"
    summary: ClassVar[str] = "Every stretch of the run holds the domains in the pool's own proportions."

    class Config(BaseConfig):
        length_term: float = Field(
            1.0, title="Length term", description="Weight of keeping document lengths even as well.", ge=0.0, le=100.0
        )

    config: Config

    def preview(self, request: PlanRequest) -> MixtureCurve:
        return natural_curve(request, GROUPING)

    def plan(self, request: PlanRequest) -> Plan:
        return follow_greedily(request, GROUPING, self.preview(request), self.config.length_term)
