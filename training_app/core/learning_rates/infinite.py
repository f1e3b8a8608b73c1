"""Warm-up, cool-down to a constant, anneal: a rate that a run can be gone on with for ever."""

from __future__ import annotations

import math
from typing import Literal, Self

from pydantic import Field, model_validator

from training_app.core.learning_rates.base import LEARNING_RATES, RateConfig, WarmedUp

TIMESCALE = 10.0  # of the inverse square root


@LEARNING_RATES.register("infinite")
class Infinite(WarmedUp):
    """Four pieces: to go on later, fork from the constant one (Ibrahim et al., arXiv 2403.08763; 2503.02844)."""

    title = "Infinite"

    class Config(RateConfig):
        """Three rates and how long each piece lasts; a later task sets warm-up and cool-down to 0."""

        warmup_fraction: float = Field(
            0.05, ge=0, lt=1, title="Warm-up", description="share of the tokens, from 0 linearly"
        )
        cooldown_fraction: float = Field(0.1, ge=0, lt=1, title="Cool-down", description="share of the tokens")
        cooldown: Literal["cosine", "linear", "inverse_sqrt"] = Field("cosine", title="Form of the cool-down")
        constant_fraction: float = Field(0.55, gt=0, le=1, title="Constant rate", description="share of the peak")
        anneal_fraction: float = Field(0.2, ge=0, le=1, title="Anneal", description="share of the tokens, at the end")
        final_fraction: float = Field(0.1, gt=0, le=1, title="Final rate", description="share of the peak at the end")

        @model_validator(mode="after")
        def _pieces_fit(self) -> Self:
            taken = self.warmup_fraction + self.cooldown_fraction + self.anneal_fraction
            if taken > 1 + 1e-9:
                raise ValueError(f"warm-up, cool-down and anneal take {taken:.0%} of the tokens: shorten one of them")
            return self

    config: Config

    def after_warmup(self, progress: float) -> float:
        config = self.config
        steady = config.peak * config.constant_fraction
        cooled, annealing = self._turns()
        if progress < cooled:
            done = (progress - config.warmup_fraction) / config.cooldown_fraction
            return config.peak + (steady - config.peak) * cooled_share(done, config.cooldown)
        if progress <= annealing or annealing >= 1.0:
            return steady
        share = (progress - annealing) / (1.0 - annealing)
        return float(steady * (config.final_fraction / config.constant_fraction) ** share)

    def phases_after_warmup(self) -> list[tuple[str, float, float]]:
        cooled, annealing = self._turns()
        pieces = [
            ("cool-down", self.config.warmup_fraction, cooled),
            ("stable", cooled, annealing),
            ("anneal", annealing, 1.0),
        ]
        return [piece for piece in pieces if piece[1] < piece[2]]

    def _turns(self) -> tuple[float, float]:
        """Where the cool-down ends and the anneal begins, as shares of the tokens."""
        cooled = self.config.warmup_fraction + self.config.cooldown_fraction
        return cooled, max(1.0 - self.config.anneal_fraction, cooled)


def cooled_share(done: float, form: str) -> float:
    """From 0 at the peak to 1 at the constant rate."""
    if form == "linear":
        return done
    if form == "cosine":
        return 0.5 * (1.0 - math.cos(math.pi * done))
    return (1.0 - 1.0 / math.sqrt(1.0 + TIMESCALE * done)) / (1.0 - 1.0 / math.sqrt(1.0 + TIMESCALE))
