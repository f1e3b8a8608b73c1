"""The predefined easy-to-hard curriculum (Phase I)."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from chimera.typed import Config as BaseConfig
from curriculum_app.core.mixture_curve import MixtureCurve
from curriculum_app.core.plans import Plan, PlanRequest, follow_greedily
from curriculum_app.core.policies.base import POLICIES
from curriculum_app.core.scheduling.difficulty_curve import GROUPING, difficulty_curve


@POLICIES.register("easy_to_hard")
class EasyToHard:
    """A mixture curve over difficulty bins, realised by the greedy scheduler.

    Sources: curriculum learning (Bengio et al. 2009); mixture curve and scheduler of TerRIFIC Curricula, see
    docs/curricula.md. Difficulty is a proxy: length and density of documents.
    """

    title: ClassVar[str] = "Easy to hard"
    summary: ClassVar[str] = (
        "Easy difficulty bins lead at first, hard ones at the end; every sequence of the pool is shown once."
    )

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
        length_term: float = Field(
            1.0,
            title="Length term",
            description="Weight of keeping document lengths to plan.",
            ge=0.0,
            le=100.0,
        )

    def __init__(self, config: Config) -> None:
        self.config = config

    def preview(self, request: PlanRequest) -> MixtureCurve:
        chosen = self.config
        return difficulty_curve(
            request.table, request.pool, sharpness=chosen.sharpness, start=chosen.start, direction=1
        )

    def plan(self, request: PlanRequest) -> Plan:
        return follow_greedily(request, GROUPING, self.preview(request), self.config.length_term)
