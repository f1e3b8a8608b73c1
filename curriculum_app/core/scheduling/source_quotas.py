"""How much of each source a budget holds: what is kept, how often it may be shown, and shares with bounds (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from chimera.errors import InputError, NestedProblems, Problem
from chimera.typed import Config
from curriculum_app.core.mixture_curve import Float
from curriculum_app.core.packing import Int
from curriculum_app.core.scheduling.interleave import shares_within, whole_amounts
from curriculum_app.core.scheduling.passes import MOST_COPIES

FIELD = "policy.config.sources"


class SourceRule(Config):
    """What is done with one source before all are interleaved."""

    keep: float = Field(1.0, title="Best share kept", description="By score; at random without one.", gt=0.0, le=1.0)
    repeat: float = Field(1.0, title="Passes", description="At most; 0.5 shows half of it.", gt=0.0, le=MOST_COPIES)
    column: str = Field("", title="Column", description="Its own score, of the columns; empty: as the others.")
    higher: Literal["as measured", "more", "less"] = Field(
        "as measured", title="A higher value is", description="Better (more) or worse (less) text; of its own column."
    )
    scored: bool = Field(True, title="Has a score", description="If not, it comes in random order.")
    least: float = Field(0.0, title="Smallest share", description="Of all tokens shown.", ge=0.0, le=1.0)
    most: float = Field(1.0, title="Largest share", description="Of all tokens shown.", ge=0.0, le=1.0)

    @model_validator(mode="after")
    def _in_order(self) -> SourceRule:
        if self.least > self.most:
            message = f"the smallest share {self.least:g} is above the largest share {self.most:g}"
            raise NestedProblems([Problem(message, "least")])
        return self


@dataclass(frozen=True)
class Source:
    """A source, its rule, the ids of the sequences that are kept of it, and their tokens."""

    name: str
    rule: SourceRule
    kept: Int
    tokens: int

    @property
    def most_tokens(self) -> int:
        """Shown as often as its rule allows."""
        return int(self.tokens * self.rule.repeat)


def source_quotas(sources: list[Source], budget: int, unit: int) -> Int:
    """Tokens of each source in a budget, whole multiples of `unit` that sum to it.

    In proportion to what there is of each (kept and repeated), moved as little as the smallest and largest shares ask.

    Raises:
        InputError: the budget is no multiple of the unit or more than there is; a smallest share that the source cannot
            fill; largest shares that leave part of the budget to nobody. Names the field and what would do.
    """
    count = _units(budget, unit, sum(source.most_tokens // unit for source in sources))
    available = np.array([source.most_tokens // unit for source in sources], dtype=np.int64)
    least, most = _bounds(sources, count)
    _require_filled(sources, least, available, budget, unit)
    most = np.minimum(np.maximum(most, least), available)
    _require_room(sources, most, available, count, unit)
    wanted: Float = shares_within(available.astype(np.float64), least.astype(float), most.astype(float), count)
    return whole_amounts(wanted, least, most, count) * unit


def _bounds(sources: list[Source], count: int) -> tuple[Int, Int]:
    """Least and most of `count` of each source, rounded inwards; outwards where that would leave no way."""
    least = np.array([source.rule.least for source in sources]) * count
    most = np.array([source.rule.most for source in sources]) * count
    inner, outer = np.ceil(least - 1e-9), np.floor(most + 1e-9)
    if inner.sum() > count:
        inner = np.floor(least + 1e-9)
    if outer.sum() < count:
        outer = np.ceil(most - 1e-9)
    return inner.astype(np.int64), outer.astype(np.int64)


def _units(budget: int, unit: int, most: int) -> int:
    if budget % unit or budget < unit:
        below, above = budget // unit * unit, (budget // unit + 1) * unit
        near = " or ".join(str(value) for value in (below, above) if value)
        message = f"the budget of {budget:,} tokens is not a multiple of the sequence length {unit}"
        raise InputError(Problem(message, "budget_tokens", hint=f"use {near}"))
    if budget // unit > most:
        message = f"the budget of {budget:,} tokens is more than the sources give, kept and repeated: {most * unit:,}"
        raise InputError(Problem(message, "budget_tokens", hint=f"at most {most * unit}, or raise keep or passes"))
    return budget // unit


def _require_filled(sources: list[Source], least: Int, available: Int, budget: int, unit: int) -> None:
    problems = [
        Problem(
            f"{source.rule.least:.3g} of {budget:,} tokens are {int(owed) * unit:,}, but {source.name} gives at most "
            f"{source.most_tokens:,}",
            f"{FIELD}.{source.name}.least",
            hint=f"at most {source.most_tokens / budget:.3g}, or show it more often, or lower the budget",
        )
        for source, owed, there in zip(sources, least, available, strict=True)
        if owed > there
    ]
    if problems:
        raise InputError(problems)


def _require_room(sources: list[Source], most: Int, available: Int, count: int, unit: int) -> None:
    room = int(most.sum())
    if room >= count:
        return
    held = [source for source, cap, there in zip(sources, most, available, strict=True) if cap < there]
    names = ", ".join(f"{source.name} {source.rule.most:g}" for source in held)
    message = f"the largest shares ({names}) leave room for {room * unit:,} of {count * unit:,} tokens"
    field = f"{FIELD}.{held[0].name}.most" if held else FIELD
    raise InputError(
        Problem(message, field, hint="raise one of them, show the other sources more, or lower the budget")
    )
