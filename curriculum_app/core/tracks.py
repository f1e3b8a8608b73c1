"""What a curriculum says of training beside its data: the learning rate over tokens, and named phases (pure).

Positions are shares of the token budget, so a curriculum means the same at any budget.
"""

from __future__ import annotations

import itertools
from typing import Literal

import numpy as np
from pydantic import Field, field_validator

from chimera.typed import Config


class RateKnot(Config):
    """The learning rate at one moment."""

    at: float = Field(title="At", description="share of the tokens", ge=0.0, le=1.0)
    rate: float = Field(title="Learning rate", ge=0.0, le=1.0)


class RateTrack(Config):
    """A learning rate drawn over the tokens; constant before the first and after the last knot."""

    knots: list[RateKnot] = Field(min_length=1, max_length=64, title="Knots")
    between: Literal["linear", "step"] = Field(
        "linear", title="Between knots", description="step: a knot's rate until the next"
    )

    @field_validator("knots")
    @classmethod
    def _in_order(cls, knots: list[RateKnot]) -> list[RateKnot]:
        for index, (left, right) in enumerate(itertools.pairwise(knots)):
            if right.at <= left.at:
                raise ValueError(f"knot {index + 2} at {right.at:g} must come after knot {index + 1} at {left.at:g}")
        if not any(knot.rate > 0 for knot in knots):
            raise ValueError("the learning rate is 0 everywhere: give at least one knot a rate above 0")
        return knots

    def at(self, progress: float) -> float:
        """The rate at `progress` in [0, 1] of the tokens."""
        places = np.array([knot.at for knot in self.knots])
        rates = np.array([knot.rate for knot in self.knots])
        if self.between == "linear":
            return float(np.interp(progress, places, rates))
        return float(rates[max(int(np.searchsorted(places, progress, side="right")) - 1, 0)])


class Phase(Config):
    """A named stretch of the run, from `start` to `end` as shares of its tokens."""

    name: str = Field(min_length=1, max_length=60, title="Name")
    start: float = Field(title="Start", ge=0.0, le=1.0)
    end: float = Field(title="End", ge=0.0, le=1.0)


class Tracks(Config):
    """All that a curriculum may say beside its data. What is left out is for the training run to choose."""

    learning_rate: RateTrack | None = Field(None, title="Learning rate")
    phases: list[Phase] = Field(default_factory=list, max_length=40, title="Phases")

    @field_validator("phases")
    @classmethod
    def _one_after_another(cls, phases: list[Phase]) -> list[Phase]:
        for phase in phases:
            if phase.end <= phase.start:
                raise ValueError(f"phase {phase.name!r} ends at {phase.end:g}, not after its start at {phase.start:g}")
        for left, right in itertools.pairwise(phases):
            if right.start < left.end:
                raise ValueError(
                    f"phases {left.name!r} and {right.name!r} overlap: one ends at {left.end:g}, the next starts at "
                    f"{right.start:g}"
                )
        return phases
