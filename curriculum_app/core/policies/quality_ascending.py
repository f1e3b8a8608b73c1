"""From the worst to the best text, for runs whose last checkpoints are averaged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from chimera.refs import Ref
from chimera.typed import Config as BaseConfig
from curriculum_app.core.claims import Claim
from curriculum_app.core.columns import Columns
from curriculum_app.core.difficulty.ranks import weighted_ranks
from curriculum_app.core.judged_policy import JudgedPolicy
from curriculum_app.core.mixture_curve import Float, MixtureCurve
from curriculum_app.core.order_plans import curve_of_rows, in_ascending_order, plan_of_rows
from curriculum_app.core.plans import Plan, PlanRequest
from curriculum_app.core.policies.base import POLICIES
from curriculum_app.core.rate_presets import rate_track
from curriculum_app.core.schedule import rows_of
from curriculum_app.core.scheduling.judged import Judged, Part, require_both
from curriculum_app.core.scheduling.sequence_scores import sequence_scores
from curriculum_app.core.shown_facts import distribution, ranks_over_tokens
from curriculum_app.core.tracks import Tracks

GROUPING = "domain"


@POLICIES.register("quality_ascending")
class QualityAscending(JudgedPolicy):
    """Ascending quality with a learning rate that stays up, then averaged weights (CMA and CDMA, arXiv 2511.18903).

    Published: of the uniform order and the ascending one under a decaying rate the uniform was a little better, of all
    the ascending order with a constant rate and an average of the last six checkpoints was best.
    """

    title: ClassVar[str] = "Quality, ascending"
    summary: ClassVar[str] = "From the worst to the best text, each once; made for runs whose checkpoints are averaged."
    fact_titles: ClassVar[Mapping[str, str]] = {"unknown_tokens": ""}  # a notice says it
    claim: ClassVar[Claim | None] = Claim(
        effect="Mean benchmark score 1.64 % above random shuffling, with a moderate decay and averaged checkpoints",
        setting="1.5 B parameters, 30 B tokens",
        source="arXiv 2511.18903, abstract",
    )

    class Config(BaseConfig):
        columns: Ref[Columns] | None = Field(
            None,
            title="Columns",
            description="measured for the same dataset version; none: the quality Group was given",
        )
        parts: list[Part] = Field(
            default_factory=list, max_length=20, title="Parts", description="columns whose ranks are averaged by weight"
        )
        ending: Literal["none", "constant", "moderate", "full"] = Field(
            "none",
            title="Learning rate",
            description="of the schedule, for runs that follow it (planned). constant: CMA. moderate: to a third by "
            "1 − √r, CDMA. full: to 0. none: the run's own.",
        )
        peak: float = Field(3e-3, title="Peak learning rate", gt=0.0, le=1.0)
        warm_up: float = Field(0.05, title="Warm-up", description="share of the tokens, from 0", ge=0.0, lt=0.5)
        decay: float = Field(0.2, title="Decay", description="share of the tokens at the end", ge=0.01, le=0.5)

        @model_validator(mode="after")
        def _together(self) -> Self:
            require_both(self.columns, self.parts)
            return self

        def tracks(self) -> Tracks:
            if self.ending == "none":
                return Tracks()
            track = rate_track(self.ending, peak=self.peak, warm_up=self.warm_up, decay=self.decay)
            return Tracks(learning_rate=track)

    config: Config

    def _judged(self, request: PlanRequest) -> Judged:
        """Of each sequence of the pool; higher is better."""
        ids, judged = request.pool.ids, self._combined.of_sequences(request.table)
        if judged is None:
            return Judged(sequence_scores(request.table, "quality_rank")[ids], 0.0)
        return Judged(judged.values[ids], judged.unknown_tokens)

    def _rows(self, request: PlanRequest, quality: Float) -> NDArray[np.void]:
        rng = np.random.default_rng(request.seed)
        return rows_of(request.table, in_ascending_order(request.pool.ids, quality, rng))

    def preview(self, request: PlanRequest) -> MixtureCurve:
        return curve_of_rows(request.table, self._rows(request, self._judged(request).values), GROUPING)

    def plan(self, request: PlanRequest) -> Plan:
        judged = self._judged(request)
        rows = self._rows(request, judged.values)
        ranks = weighted_ranks(judged.values, np.ones(len(rows)))
        shown = ranks_over_tokens(rows, ranks[np.searchsorted(request.pool.ids, rows["sequence"])])
        facts: dict[str, Any] = {
            "quality": {**shown, "distribution": distribution(judged.values), "ending": self.config.ending},
            "unknown_tokens": judged.unknown_tokens,
        }
        curve, tracks = curve_of_rows(request.table, rows, GROUPING), self.config.tracks()
        return plan_of_rows(request, rows, GROUPING, curve, method="ascending", tracks=tracks, facts=facts)
