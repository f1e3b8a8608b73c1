"""A mixture drawn by hand: knots of shares over the budget, and the `MixtureCurve` that they mean (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, field_validator, model_validator
from scipy.special import softmax

from chimera.errors import NestedProblems, Problem
from chimera.typed import Config
from curriculum_app.core.chosen_shares import WRITTEN, Shares, share_row
from curriculum_app.core.greedy_settings import LengthTerm, Search
from curriculum_app.core.mixture_curve import Float, MixtureCurve
from curriculum_app.core.mixture_ledger import MOST_EPOCHS
from curriculum_app.core.scheduling.passes import PASSES_HINT, passes_message
from curriculum_app.core.sequences import Grouping
from curriculum_app.core.tracks import LengthTrack, Tracks, require_order

START = 1e-3  # of the budget: where a curve over log tokens begins; what is drawn at 0 holds until here
FLOOR = 1e-6  # a share of 0 where the same group has one at another knot: log tokens know no 0
MOST_ERROR = 1e-3  # of any share, where straight lines over tokens become a table over log tokens
_INSIDE = np.linspace(0, 1, 18)[1:-1]  # where an interval of that table is compared with the line


class MixtureKnot(Config):
    """The mixture at one moment."""

    at: float = Field(title="At", description="share of the budget", ge=0.0, le=1.0)
    shares: Shares = Field(title="Shares", min_length=1, json_schema_extra=dict(WRITTEN))


class DrawnConfig(Config):
    """A mixture over the budget, and what the curriculum says of training beside it."""

    grouping: str = Field("domain", title="Grouping", description="what the shares are of", min_length=1)
    knots: list[MixtureKnot] = Field(
        default_factory=list,
        title="Knots",
        description="The mixture at moments of the run; before the first and after the last it stands still. "
        "Without any it is the corpus's own.",
        max_length=64,
    )
    scale: Literal["log", "linear"] = Field(
        "log",
        title="Between knots",
        description="log: logits move evenly over log tokens. linear: shares move evenly over tokens.",
    )
    passes: dict[str, Annotated[float, Field(ge=0.0)]] = Field(
        default_factory=dict,
        title="Passes",
        description="How often texts of a group may be shown; 0.3: three in ten of them once. Groups left out: once.",
        json_schema_extra={"key_title": "Group", "value_title": "Passes"},
    )
    most_passes: float = Field(
        MOST_EPOCHS, title="Most passes", description="over the texts of any group", gt=0.0, le=100.0
    )
    lengths: LengthTrack | None = Field(
        None, title="Sequence length", description="Sequences are cut to it; the rest of each is shown right after."
    )
    tracks: Tracks = Field(default_factory=Tracks, title="Training", description="What a run takes from the curriculum")
    length_term: LengthTerm = 1.0
    search: Search = "automatic"
    sigma: float = Field(
        0.0, title="Noise", description="Added to every choice, in squared sequence lengths; 0: none.", ge=0.0, le=1e6
    )

    @field_validator("knots")
    @classmethod
    def _in_order(cls, knots: list[MixtureKnot]) -> list[MixtureKnot]:
        require_order(knots)
        return knots

    @model_validator(mode="after")
    def _within_the_cap(self) -> Self:
        over = [name for name, passes in self.passes.items() if passes > self.most_passes]
        if over:
            said = passes_message(self.passes[over[0]], self.most_passes)
            raise NestedProblems([Problem(said, field=f"passes.{over[0]}", hint=PASSES_HINT)])
        return self

    @model_validator(mode="after")
    def _after_the_start(self) -> Self:
        if self.scale == "log" and len(self.knots) > 1 and self.knots[1].at <= START:
            said = f"over log tokens the second knot must come after {START:g}, not at {self.knots[1].at:g}"
            raise NestedProblems([Problem(said, field="knots.1.at", hint="or choose straight lines over tokens")])
        return self


@dataclass(frozen=True)
class DrawnCurve:
    """The curve, and by how much any of its shares may differ from what was drawn."""

    curve: MixtureCurve
    error: float


def drawn_curve(config: DrawnConfig, grouping: Grouping, budget: int, field: str) -> DrawnCurve:
    """What `config` means for `budget` tokens of these groups. `field` is where the config stands in its job's.

    Raises:
        InputError: a group that is unknown or has no tokens; names the knot.
    """
    if not config.knots:
        totals = grouping.totals()
        return DrawnCurve(MixtureCurve.constant(grouping.names, totals / totals.sum()), 0.0)
    places = np.array([knot.at for knot in config.knots])
    shares = np.stack(
        [share_row(grouping, knot.shares, f"{field}.knots.{i}.shares") for i, knot in enumerate(config.knots)]
    )
    if config.scale == "log" or len(places) == 1:
        return DrawnCurve(_curve(grouping.names, np.maximum(places, START) * budget, shares), 0.0)
    places, shares, error = _table(places, shares)
    return DrawnCurve(_curve(grouping.names, places * budget, shares), error)


def _curve(names: Sequence[str], tokens: Float, shares: Float) -> MixtureCurve:
    return MixtureCurve(tuple(names), tokens, _logits(shares))


def _logits(shares: Float) -> Float:
    """Logs of the shares; a group that never has one gets as good as nothing."""
    least = np.where(shares.max(axis=0) > 0, FLOOR, np.exp(-700.0))
    return np.asarray(np.log(np.maximum(shares, least)), dtype=np.float64)


def _table(places: Float, shares: Float) -> tuple[Float, Float, float]:
    """Knots between which logits over log tokens keep within `MOST_ERROR` of straight lines over tokens.

    Intervals are halved until they do. A first knot at 0 becomes one so early that nothing has moved by then.

    Returns:
        places (n,), shares (n, K), and the largest difference of any share that is left.
    """
    drawn = places
    first = places[1] * MOST_ERROR / 2 if places[0] == 0 else places[0]
    places = np.append(first, places[1:])
    while True:
        error = _differences(places, drawn, shares)
        if error.max() <= MOST_ERROR:
            moved = np.abs(_lines(np.zeros(1), drawn, shares) - _lines(places[:1], drawn, shares)).max()
            return places, _lines(places, drawn, shares), float(max(error.max(), moved))
        middles = (places[:-1] + places[1:]) / 2
        places = np.sort(np.append(places, middles[error > MOST_ERROR]))


def _lines(at: Float, places: Float, shares: Float) -> Float:
    """Shape (n, K): straight lines between the knots, constant outside."""
    return np.stack([np.interp(at, places, column) for column in shares.T], axis=-1)


def _differences(places: Float, drawn: Float, shares: Float) -> Float:
    """Shape (n - 1,): the largest difference of any share inside each interval of the table."""
    low, high = places[:-1, None], places[1:, None]
    at = low + (high - low) * _INSIDE
    along = np.log(at / low) / np.log(high / low)
    logits = _logits(_lines(places, drawn, shares))
    bent = softmax(logits[:-1, None, :] + along[..., None] * (logits[1:] - logits[:-1])[:, None, :], axis=-1)
    straight = _lines(at.ravel(), drawn, shares).reshape(bent.shape)
    return np.asarray(np.abs(bent - straight).max(axis=(1, 2)), dtype=np.float64)
