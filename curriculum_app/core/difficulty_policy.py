"""What policies over difficulty bins share: a tilted mixture curve, realised by the greedy scheduler (pure)."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from chimera.typed import Config as BaseConfig
from curriculum_app.core.greedy_settings import LengthTerm, Search, mode_of
from curriculum_app.core.mixture_curve import MixtureCurve
from curriculum_app.core.plans import Plan, PlanRequest, follow_greedily
from curriculum_app.core.policies.base import Policy
from curriculum_app.core.scheduling.difficulty_curve import GROUPING, difficulty_curve


class DifficultyPolicy(Policy):
    """Leans on easy bins first (`direction` 1) or on hard ones (-1); every bin's tokens are shown exactly once."""

    direction: ClassVar[Literal[1, -1]]

    class Config(BaseConfig):
        sharpness: float = Field(
            3.0,
            title="Sharpness",
            description="How strongly the mixture leans at both ends of the run; 0 is an even mixture.",
            ge=0.0,
            le=12.0,
        )
        start: float = Field(
            0.05,
            title="Start",
            description="Share of the budget after which the mixture begins to move (evenly in log tokens).",
            ge=0.001,
            le=0.9,
        )
        length_term: LengthTerm = 1.0
        search: Search = "automatic"

    config: Config

    def preview(self, request: PlanRequest) -> MixtureCurve:
        chosen = self.config
        return difficulty_curve(
            request.table, request.pool, sharpness=chosen.sharpness, start=chosen.start, direction=self.direction
        )

    def plan(self, request: PlanRequest) -> Plan:
        chosen, curve = self.config, self.preview(request)
        return follow_greedily(request, GROUPING, curve, chosen.length_term, mode=mode_of(chosen.search))
