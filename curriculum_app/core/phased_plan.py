"""A curriculum of consecutive phases: what each says, and the curve and the tracks that all of them mean (pure)."""

from __future__ import annotations

import itertools
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from chimera.errors import InputError, NestedProblems, Problem
from chimera.typed import Config
from curriculum_app.core.chosen_shares import TOLERANCE, WRITTEN, Shares, share_row
from curriculum_app.core.drawn_curve import FLOOR, START
from curriculum_app.core.greedy_settings import LengthTerm, Search
from curriculum_app.core.mixture_curve import Float, MixtureCurve, fit_to_totals
from curriculum_app.core.packing import Int
from curriculum_app.core.sequences import Grouping
from curriculum_app.core.tracks import Gate, Phase, RateKnot, RateTrack, Tracks

JUMP = 1e-9  # of the tokens: how far before a phase the one before it ends


class PhaseConfig(Config):
    """One phase."""

    name: str = Field(title="Name", min_length=1, max_length=60)
    share: float = Field(title="Share of the budget", gt=0.0, le=1.0)
    shares: Shares = Field(
        default_factory=dict,
        title="Shares of the groups",
        description="Without any they are those of the text there is.",
        json_schema_extra=dict(WRITTEN),
    )
    tilt: float = Field(
        0.0, title="Tilt", description="Leans to groups of hard text; below 0: of easy text.", ge=-12.0, le=12.0
    )
    tilt_end: float | None = Field(
        None, title="Tilt at its end", description="Moves there over log tokens; empty: it stays.", ge=-12.0, le=12.0
    )
    learning_rate: float | None = Field(
        None, title="Learning rate", description="Empty: where the phase before ended.", gt=0.0, le=1.0
    )
    learning_rate_end: float | None = Field(None, title="Learning rate at its end", gt=0.0, le=1.0)
    gate: Gate | None = Field(None, title="Gate", description="judged where the phase ends")
    note: str = Field("", title="Note", max_length=400, json_schema_extra={"multiline": True})


def blueprint() -> list[PhaseConfig]:
    """Phases I to V of the blueprint, as far as a fixed order of text can be them.

    The blueprint names no sizes but that Phase I has the bulk; shares and tilts here are ours.
    """
    return [
        PhaseConfig(
            name="I Foundations", share=0.6, tilt=-4.0, tilt_end=0.0,
            note="Predefined easy to hard, by bins of length and density. Truncation is the policy Length warm-up; the "
            "curriculum over modalities (I2MCL) is not built yet.",
        ),
        PhaseConfig(
            name="II Skills", share=0.16, tilt=2.0,
            note="Next token on hard bins, fixed beforehand. Hardness as the model finds it is the policy DIHCL; "
            "model uncertainty is not built yet.",
        ),
        PhaseConfig(
            name="III Alignment", share=0.08, tilt=1.0,
            note="Next token on its text. Fine-tuning and preferences (DPO) have sequences of their own: chain them by "
            "the job Phases in a chain. The self-evolving curriculum (SEC) is not built yet.",
        ),
        PhaseConfig(
            name="IV Hardening", share=0.08, tilt=3.0,
            note="Next token on the hardest bins. Adversarial training and distillation (CAT, AKD) are not built yet.",
        ),
        PhaseConfig(
            name="V Continual", share=0.08,
            note="Next token on all bins, the old with the new. O-LoRA and generative replay are not built yet.",
        ),
    ]  # fmt: skip


class PhasedConfig(Config):
    """Phases one after another."""

    grouping: str = Field("difficulty", title="Grouping", description="what the shares are of", min_length=1)
    phases: list[PhaseConfig] = Field(default_factory=blueprint, title="Phases", min_length=1, max_length=12)
    show: Literal["pool", "shares"] = Field(
        "pool",
        title="Show",
        description="pool: every sequence of the pool once, so that phases lean as asked against each other. shares: "
        "exactly the shares asked for, chosen among all sequences.",
    )
    warm_up: float = Field(
        0.02,
        title="Warm-up",
        description="Share of the tokens over which a learning rate of the first phase rises from 0.",
        ge=0.0,
        lt=1.0,
    )
    length_term: LengthTerm = 1.0
    search: Search = "automatic"

    @field_validator("phases")
    @classmethod
    def _make_a_whole(cls, phases: list[PhaseConfig]) -> list[PhaseConfig]:
        total = sum(phase.share for phase in phases)
        if abs(total - 1) > TOLERANCE:
            raise ValueError(f"the phases have {total:.6g} of the budget together, not 1")
        if phases[0].learning_rate is None:
            rated = [phase.name for phase in phases if phase.learning_rate or phase.learning_rate_end]
            if rated:
                said = f"the first phase needs a learning rate, because {rated[0]!r} has one"
                raise NestedProblems([Problem(said, field="0.learning_rate")])
        return phases

    @model_validator(mode="after")
    def _warm_before_the_second(self) -> Self:
        if self.phases[0].learning_rate is not None and self.warm_up >= self.phases[0].share:
            said = f"the warm-up takes {self.warm_up:g} of the tokens, the first phase only {self.phases[0].share:g}"
            raise NestedProblems([Problem(said, field="warm_up")])
        return self

    @property
    def bounds(self) -> Float:
        """Shape (n + 1,): where phases begin and end, as shares of the budget."""
        ends = np.cumsum([phase.share for phase in self.phases])
        return np.concatenate([[0.0], ends[:-1], [1.0]])

    def tracks(self) -> Tracks:
        """The phases by name with their gates, and the learning rate if they have one."""
        bounds = self.bounds.tolist()
        stretches = zip(self.phases, bounds, bounds[1:], strict=False)
        named = [Phase(name=phase.name, start=low, end=high, gate=phase.gate) for phase, low, high in stretches]
        return Tracks(phases=named, learning_rate=self._rate(bounds))

    def _rate(self, bounds: list[float]) -> RateTrack | None:
        rate = self.phases[0].learning_rate
        if rate is None:
            return None
        knots = [RateKnot(at=0.0, rate=0.0)] if self.warm_up else []
        for phase, (low, high) in zip(self.phases, itertools.pairwise(bounds), strict=True):
            begins = phase.learning_rate or rate
            rate = phase.learning_rate_end or begins
            knots.append(RateKnot(at=low or self.warm_up, rate=begins))
            knots.append(RateKnot(at=high if high == 1.0 else high * (1 - JUMP), rate=rate))
        return RateTrack(knots=knots)

    def facts(self, budget: int) -> list[dict[str, Any]]:
        """What a page says of the phases; positions in tokens."""
        bounds = (self.bounds * budget).round().astype(int).tolist()
        stretches = zip(self.phases, bounds, bounds[1:], strict=False)
        return [{"name": p.name, "start": low, "end": high, "note": p.note} for p, low, high in stretches]


def phased_curve(config: PhasedConfig, grouping: Grouping, difficulty: Float, shown: Int, budget: int) -> MixtureCurve:
    """The mixture of all phases: shares times exp(tilt · difficulty), with a jump where one phase follows another.

    Args:
        difficulty: shape (K,), of each group in [0, 1]. shown: shape (K,), tokens of each group that are to be shown
            (`show` pool) or that there are.

    Raises:
        InputError: a group that is unknown, has no tokens, or is to be shown and stands in no phase.
    """
    natural = shown / shown.sum()
    rows = [
        share_row(grouping, phase.shares, f"policy.config.phases.{i}.shares") if phase.shares else natural
        for i, phase in enumerate(config.phases)
    ]
    least = np.where(np.max(rows, axis=0) > 0, FLOOR, np.exp(-700.0))
    knots, logits = [], []
    for phase, row, (low, high) in zip(config.phases, rows, itertools.pairwise(config.bounds), strict=True):
        base, end = np.log(np.maximum(row, least)), phase.tilt if phase.tilt_end is None else phase.tilt_end
        knots += [max(low, START * high) * budget, high * (1 - JUMP) * budget]
        logits += [base + phase.tilt * difficulty, base + end * difficulty]
    curve = MixtureCurve(grouping.names, np.array(knots), np.array(logits))
    return curve if config.show == "shares" else _fitted(curve, grouping, np.max(rows, axis=0), shown)


def _fitted(curve: MixtureCurve, grouping: Grouping, most: Float, shown: Int) -> MixtureCurve:
    """The curve with a constant added to each group so that all of `shown` is shown."""
    left = [name for name, share, tokens in zip(grouping.names, most, shown, strict=True) if tokens and not share]
    if left:
        said = f"{left[0]!r} stands in no phase, and every sequence of the pool is to be shown"
        raise InputError(Problem(said, field="policy.config.show", hint="show: shares leaves out what has none"))
    try:
        return fit_to_totals(curve, shown)
    except ValueError as error:
        hint = "lower the tilts, or show: shares"
        raise InputError(
            Problem("the pool cannot be shared out so", field="policy.config.phases", hint=hint)
        ) from error
