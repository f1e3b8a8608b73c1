"""By difficulty: any measured column, or several, at a chosen pace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from chimera.refs import Ref
from chimera.typed import Config as BaseConfig
from curriculum_app.core.columns import Columns
from curriculum_app.core.difficulty.ranks import weighted_ranks
from curriculum_app.core.judged_policy import JudgedPolicy
from curriculum_app.core.mixture_curve import Float, MixtureCurve
from curriculum_app.core.order_plans import curve_of_rows, plan_of_rows
from curriculum_app.core.packing import Int
from curriculum_app.core.plans import Plan, PlanRequest
from curriculum_app.core.policies.base import POLICIES
from curriculum_app.core.schedule import rows_of
from curriculum_app.core.scheduling.judged import Judged, Part, require_both
from curriculum_app.core.scheduling.pacing import Form, Pacing, paced_order
from curriculum_app.core.shown_facts import distribution, ranks_over_tokens

GROUPING = "difficulty"


@POLICIES.register("difficulty")
class Difficulty(JudgedPolicy):
    """Competence-based pacing (Platanios et al., NAACL 2019) in one pass, with its reverse and its random control.

    At every moment a sequence is drawn evenly from the easiest share c(t) that has not been shown. The control has the
    same pace over a random difficulty (Wu, Dyer & Neyshabur 2021, arXiv 2012.03107), so that only difficulty differs.
    """

    title: ClassVar[str] = "Difficulty, paced"
    summary: ClassVar[str] = "By any measured column or several: from the easiest on, at a chosen pace, each once."
    fact_titles: ClassVar[Mapping[str, str]] = {"unknown_tokens": ""}  # a notice says it
    directions = ("harder", "easier")

    class Config(BaseConfig):
        preset: Literal["easy_to_hard", "hard_to_easy", "control"] = Field(
            "easy_to_hard", title="Preset", description="control: the same pace over a random difficulty"
        )
        columns: Ref[Columns] | None = Field(
            None, title="Columns", description="measured for the same dataset version; none: the sequences' difficulty"
        )
        parts: list[Part] = Field(
            default_factory=list, max_length=20, title="Parts", description="columns whose ranks are averaged by weight"
        )
        pacing: Form = Field(
            "competence", title="Pacing", description="how the share that may be shown grows from start to 1"
        )
        start: float = Field(
            0.01, title="Start", description="share of the sequences, from the easiest, shown first", gt=0.0, le=1.0
        )
        until: float = Field(
            1.0, title="Until", description="share of the tokens after which all may be shown", gt=0.0, le=1.0
        )
        power: float = Field(
            2.0, title="Power", description="p of competence, and the root of the form root", ge=1.0, le=10.0
        )
        stages: int = Field(5, title="Stages", description="of the form step: parts of equal size", ge=1, le=1000)

        @model_validator(mode="after")
        def _together(self) -> Self:
            require_both(self.columns, self.parts)
            return self

    config: Config

    def _judged(self, request: PlanRequest) -> Judged:
        """Of each sequence of the pool; lower is easier."""
        ids, judged = request.pool.ids, self._combined.of_sequences(request.table)
        if judged is None:
            return Judged(np.asarray(request.table.difficulty[ids]), 0.0)
        return Judged(judged.values[ids], judged.unknown_tokens)

    def _order(self, request: PlanRequest, difficulty: Float) -> Int:
        """The pool's ids; the control has a random difficulty, and its reverse the negative one."""
        chosen, ids, rng = self.config, request.pool.ids, np.random.default_rng(request.seed)
        if chosen.preset == "control":
            difficulty = rng.permutation(len(ids)).astype(np.float64)
        sign = -1.0 if chosen.preset == "hard_to_easy" else 1.0
        places = paced_order(sign * difficulty, request.table.lengths[ids], self._pacing, rng)
        ordered: Int = ids[places]
        return ordered

    @property
    def _pacing(self) -> Pacing:
        chosen = self.config
        return Pacing(chosen.pacing, chosen.start, chosen.until, chosen.power, chosen.stages)

    def preview(self, request: PlanRequest) -> MixtureCurve:
        order = self._order(request, self._judged(request).values)
        return curve_of_rows(request.table, rows_of(request.table, order), GROUPING)

    def plan(self, request: PlanRequest) -> Plan:
        judged = self._judged(request)
        rows = rows_of(request.table, self._order(request, judged.values))
        facts = {"pacing": self._facts(request, rows, judged.values), "unknown_tokens": judged.unknown_tokens}
        curve = curve_of_rows(request.table, rows, GROUPING)
        return plan_of_rows(request, rows, GROUPING, curve, method=f"{self.config.pacing} pacing", facts=facts)

    def _facts(self, request: PlanRequest, rows: NDArray[np.void], difficulty: Float) -> dict[str, Any]:
        """For the chart: what is shown when by rank, what is allowed by then, and the distribution of difficulty."""
        ranks = weighted_ranks(difficulty, np.ones(len(difficulty)))
        shown = ranks_over_tokens(rows, ranks[np.searchsorted(request.pool.ids, rows["sequence"])])
        total = request.pool.tokens
        allowed = [round(self._pacing.at(tokens / total), 4) for tokens in shown["tokens"]]
        return {"preset": self.config.preset, **shown, "allowed": allowed, "distribution": distribution(difficulty)}
