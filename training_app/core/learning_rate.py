"""Learning rate as a function of tokens seen (pure): warm-up, then constant, cosine or warm-up-stable-decay."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field

from chimera.typed import Config

Shape = Literal["cosine", "wsd", "constant"]


class LearningRateConfig(Config):
    """Fractions are of the run's tokens, so the same config means the same at any budget."""

    peak: float = Field(2e-3, gt=0, le=1, title="Peak learning rate")
    shape: Shape = Field("cosine", title="Shape", description="wsd holds the peak, then decays linearly at the end")
    warmup_fraction: float = Field(0.1, ge=0, lt=1, title="Warm-up", description="share of the tokens")
    decay_fraction: float = Field(0.2, gt=0, le=1, title="Decay", description="share of the tokens; wsd only")
    final_fraction: float = Field(0.1, ge=0, le=1, title="Final rate", description="share of the peak at the end")


def learning_rate(config: LearningRateConfig, tokens: int, total: int) -> float:
    """The rate of the step that ends at `tokens` of `total` (so the first step's rate is above zero).

    Cosine: Loshchilov & Hutter, SGDR (arXiv 1608.03983). WSD: MiniCPM (arXiv 2404.06395), with linear decay.
    """
    progress = min(tokens / total, 1.0)
    if progress < config.warmup_fraction:
        return config.peak * progress / config.warmup_fraction
    return config.peak * (config.final_fraction + (1.0 - config.final_fraction) * _remaining(config, progress))


def _remaining(config: LearningRateConfig, progress: float) -> float:
    """How much of the way from the final rate up to the peak is left, in [0, 1]."""
    if config.shape == "cosine":
        done = (progress - config.warmup_fraction) / (1.0 - config.warmup_fraction)
        return 0.5 * (1.0 + math.cos(math.pi * done))
    if config.shape == "wsd":
        return min(1.0, (1.0 - progress) / config.decay_fraction)
    return 1.0
