"""A series that goes the wrong way for good: too slowly for a spike, and not to infinity either."""

from __future__ import annotations

import math
from collections import deque
from statistics import median

from pydantic import Field

from training_app.core.alerts.base import ALERTS, SeriesConfig, SeriesRule, Watch, figures


class _Rising:
    def __init__(self, config: Rising.Config) -> None:
        self.config = config
        self.recent: deque[float] = deque(maxlen=config.window)
        self.lowest = math.inf

    def add(self, step: int, tokens: int, value: float) -> str | None:
        if not math.isfinite(value):
            return None
        self.recent.append(value)
        if len(self.recent) < self.config.window:
            return None
        level = median(self.recent)
        self.lowest = min(self.lowest, level)
        if level <= self.lowest + self.config.share * abs(self.lowest):
            return None
        return f"{figures(level)}, the median of the last {self.config.window}, was as low as {figures(self.lowest)}"


@ALERTS.register("rising")
class Rising(SeriesRule):
    """The running median against the lowest that it has been; the median follows no single batch. Chimera's own rule.

    A curriculum from easy to hard lifts the training loss by a few per cent; a rate that is too high by far more.
    """

    title = "Rising"

    class Config(SeriesConfig):
        metric: str = Field(
            "loss", min_length=1, max_length=300, title="Series", description="keys separated by commas; * for any part"
        )
        window: int = Field(16, ge=2, le=10_000, title="Window", description="points of the median")
        share: float = Field(0.5, gt=0, le=1e6, title="Rise", description="share of the lowest median")

    config: Config

    def watch(self, key: str) -> Watch:
        return _Rising(self.config)
