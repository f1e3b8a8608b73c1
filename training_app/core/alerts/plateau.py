"""A value that has stopped to improve."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field

from training_app.core.alerts.base import ALERTS, SeriesConfig, SeriesRule, Watch, figures


class _Plateau:
    """The best smoothed value and where it was; after an alert the wait begins anew."""

    def __init__(self, config: Plateau.Config) -> None:
        self.config = config
        self.sum = self.weight = 0.0
        self.best: float | None = None
        self.best_at = 0

    def add(self, step: int, tokens: int, value: float) -> str | None:
        if not math.isfinite(value):
            return None
        keep = self.config.smoothing
        self.sum, self.weight = keep * self.sum + (1 - keep) * value, keep * self.weight + (1 - keep)
        smoothed = self.sum / self.weight
        position = step if self.config.unit == "steps" else tokens
        if self.best is None or self._gain(smoothed) >= self.config.delta:
            self.best, self.best_at = smoothed, position
            return None
        waited = position - self.best_at
        if waited < self.config.over:
            return None
        best, self.best_at = self.best, position
        return (
            f"no improvement by {figures(self.config.delta)} over {waited:,} {self.config.unit} (best {figures(best)})"
        )

    def _gain(self, smoothed: float) -> float:
        assert self.best is not None
        return self.best - smoothed if self.config.better == "lower" else smoothed - self.best


@ALERTS.register("plateau")
class Plateau(SeriesRule):
    """No improvement by δ of the smoothed value for so long. Chimera's own: what early stopping calls patience."""

    title = "Plateau"

    class Config(SeriesConfig):
        metric: str = Field("loss", min_length=1, max_length=300, title="Series", description="* stands for any part")
        better: Literal["lower", "higher"] = Field("lower", title="Better is")
        delta: float = Field(0.01, ge=0, title="Improvement", description="less than that counts as none")
        over: int = Field(2000, ge=1, title="For so long")
        unit: Literal["steps", "tokens"] = Field("steps", title="Unit")
        smoothing: float = Field(
            0.98, ge=0, lt=1, title="Smoothing", description="weight of the past in the moving average; 0: none"
        )

    config: Config

    def watch(self, key: str) -> Watch:
        return _Plateau(self.config)
