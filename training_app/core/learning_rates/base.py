"""What a learning-rate schedule is (pure, torch-free)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from pydantic import Field

from chimera.registry import Registry
from chimera.typed import Config
from curriculum_app.core.tracks import Tracks


class RateConfig(Config):
    """What all schedules have. Fractions are of the run's tokens, so a config means the same at any budget."""

    peak: float = Field(2e-3, gt=0, le=1, title="Peak learning rate")
    warmup_fraction: float = Field(0.1, ge=0, lt=1, title="Warm-up", description="share of the tokens, from 0 linearly")


class DecayingConfig(RateConfig):
    """Of those that end below their peak."""

    final_fraction: float = Field(0.1, ge=0, le=1, title="Final rate", description="share of the peak at the end")


class LearningRate(ABC):
    """The learning rate over a run. `level` names the setting that lowers all of it."""

    title: ClassVar[str]
    level: ClassVar[str] = "peak"

    def __init__(self, config: Any) -> None:
        self.config = config

    def bound(self, tracks: Tracks) -> LearningRate:
        """The rate of a run on a schedule that brings `tracks`; most take nothing of them.

        Raises:
            InputError: it takes what they do not have.
        """
        return self

    @abstractmethod
    def at(self, tokens: int, total: int) -> float:
        """The rate of the step that ends at `tokens` of `total`."""

    @abstractmethod
    def phases(self) -> list[tuple[str, float, float]]:
        """Named stretches of the run as shares of its tokens, in order: what charts draw as bands."""


class WarmedUp(LearningRate):
    """Rises to a peak, then goes on in its own way."""

    Config: ClassVar[type[RateConfig]]

    def at(self, tokens: int, total: int) -> float:
        """The rate of the step that ends at `tokens` of `total` (so the first step's rate is above zero)."""
        progress = min(tokens / total, 1.0)
        warmup = self.config.warmup_fraction
        return self.rising(progress / warmup) if progress < warmup else self.after_warmup(progress)

    def rising(self, share: float) -> float:
        """The rate when `share` in [0, 1) of the warm-up is done."""
        return float(self.config.peak * share)

    @abstractmethod
    def after_warmup(self, progress: float) -> float:
        """The rate at `progress` in [warmup_fraction, 1] of the run's tokens."""

    def phases(self) -> list[tuple[str, float, float]]:
        """The warm-up, then what follows it."""
        warmup = self.config.warmup_fraction
        return [("warm-up", 0.0, warmup), *self.phases_after_warmup()] if warmup else self.phases_after_warmup()

    @abstractmethod
    def phases_after_warmup(self) -> list[tuple[str, float, float]]:
        """The stretches from the end of the warm-up to 1."""


LEARNING_RATES: Registry[LearningRate] = Registry("learning rate", "training_app.core.learning_rates")
