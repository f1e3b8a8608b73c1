"""What a curriculum draws over tokens beside its data: learning rate, sequence length, named phases (pure).

Positions are shares of the token budget, so a curriculum means the same at any budget.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_right
from collections.abc import Sequence
from typing import Literal, Protocol, Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from chimera.errors import NestedProblems, Problem
from chimera.typed import Config


class Placed(Protocol):
    """What stands at a share of the tokens."""

    @property
    def at(self) -> float: ...


def require_order(knots: Sequence[Placed]) -> None:
    """Each knot comes after the one before it.

    Raises:
        NestedProblems: names the `at` of the first that does not.
    """
    for index, (left, right) in enumerate(itertools.pairwise(knots)):
        if right.at <= left.at:
            said = f"knot {index + 2} at {right.at:g} must come after knot {index + 1} at {left.at:g}"
            raise NestedProblems([Problem(said, field=f"{index + 1}.at")])


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
        require_order(knots)
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


class LengthKnot(Config):
    """The sequence length at one moment."""

    at: float = Field(title="At", description="share of the tokens", ge=0.0, le=1.0)
    length: int = Field(title="Length", description="tokens of a row at most", ge=2, le=1_048_576)


class LengthTrack(Config):
    """How many tokens a row may have, over the tokens shown so far; constant before the first and after the last knot.

    Between knots the formula of DeepSpeed's scheduler for sequence-length warm-up (arXiv 2108.06084):
    ⌊r^(1/root) · (next − last) + last⌋, down to a multiple, with r in [0, 1] the way from one knot to the next.
    """

    knots: list[LengthKnot] = Field(min_length=1, max_length=64, title="Knots")
    between: Literal["linear", "root", "step"] = Field(
        "linear", title="Between knots", description="root: fast at first; step: a knot's length until the next"
    )
    root: float = Field(2.0, title="Root", description="of the form root: 2 is the square root", ge=1.0, le=10.0)
    multiple: int = Field(
        8,
        title="Multiple of",
        description="lengths are rounded down to it; 8 suits a GPU's matrix units",
        ge=1,
        le=4096,
    )

    @field_validator("knots")
    @classmethod
    def _in_order(cls, knots: list[LengthKnot]) -> list[LengthKnot]:
        require_order(knots)
        return knots

    @model_validator(mode="after")
    def _in_multiples(self) -> Self:
        """Rounding down could otherwise fall below the smallest length, and never reach the largest."""
        for index, knot in enumerate(self.knots):
            if knot.length % self.multiple:
                below, above = knot.length // self.multiple * self.multiple, -(-knot.length // self.multiple)
                near = " or ".join(str(each) for each in (below, above * self.multiple) if each >= 2)
                raise ValueError(
                    f"the length {knot.length} of knot {index + 1} is not a multiple of {self.multiple}: use {near}"
                )
        return self

    def at(self, progress: float) -> int:
        """The length at `progress` in [0, 1] of the tokens."""
        knots = self.knots
        place = bisect_right(knots, progress, key=lambda knot: knot.at)
        if place in (0, len(knots)) or self.between == "step":
            return knots[max(place - 1, 0)].length
        last, following = knots[place - 1], knots[place]
        way = (progress - last.at) / (following.at - last.at)
        root = self.root if self.between == "root" else 1.0
        length = math.floor(math.pow(way, 1.0 / root) * (following.length - last.length) + last.length)
        return length - length % self.multiple


class Gate(Config):
    """What a run must have reached at the end of a phase."""

    metric: str = Field(
        "held_out/macro", min_length=1, max_length=120, title="Metric", description="a series of the run"
    )
    must_be: Literal["below", "above"] = Field("below", title="Must be")
    value: float = Field(title="Value")
    otherwise: Literal["warn", "stop"] = Field(
        "warn", title="Otherwise", description="warn: an event; stop: the run ends there and its checkpoint is kept"
    )

    def passed(self, value: float) -> bool:
        """Whether `value` is as it must be; what is no number never is."""
        return value < self.value if self.must_be == "below" else value > self.value


class Phase(Config):
    """A named stretch of the run, from `start` to `end` as shares of its tokens."""

    name: str = Field(min_length=1, max_length=60, title="Name")
    start: float = Field(title="Start", ge=0.0, le=1.0)
    end: float = Field(title="End", ge=0.0, le=1.0)
    gate: Gate | None = Field(None, title="Gate", description="judged where the phase ends")


class Tracks(Config):
    """All that a curriculum may say beside its data. What is left out is for the training run to choose."""

    learning_rate: RateTrack | None = Field(None, title="Learning rate")
    phases: list[Phase] = Field(default_factory=list, max_length=40, title="Phases")

    @field_validator("phases")
    @classmethod
    def _one_after_another(cls, phases: list[Phase]) -> list[Phase]:
        for index, phase in enumerate(phases):
            if phase.end <= phase.start:
                said = f"phase {phase.name!r} ends at {phase.end:g}, not after its start at {phase.start:g}"
                raise NestedProblems([Problem(said, field=f"{index}.end")])
        for index, (left, right) in enumerate(itertools.pairwise(phases), start=1):
            if right.start < left.end:
                said = f"phases {left.name!r} and {right.name!r} overlap: one ends at {left.end:g}, the next starts at"
                raise NestedProblems([Problem(f"{said} {right.start:g}", field=f"{index}.start")])
        return phases
