"""Gradients that have come to point into one direction only."""

from __future__ import annotations

import math
from statistics import median

from pydantic import Field

from training_app.core.alerts.base import ALERTS, SeriesConfig, SeriesRule, Watch, figures


class _RankCollapse:
    def __init__(self, config: RankCollapse.Config) -> None:
        self.config = config
        self.first: list[float] = []
        self.low = 0

    def add(self, step: int, tokens: int, value: float) -> str | None:
        if not math.isfinite(value):
            return None
        if len(self.first) < self.config.early:
            self.first.append(value)
        bound = self._bound()
        self.low = self.low + 1 if value < bound else 0
        if self.low < self.config.times:
            return None
        return f"{figures(value)} is below {figures(bound)} for {self.low} measurements"

    def _bound(self) -> float:
        """The absolute bound, and the share of the early level once that is known."""
        known = len(self.first) == self.config.early
        return max(self.config.bound, self.config.share * median(self.first) if known else 0.0)


@ALERTS.register("rank_collapse")
class RankCollapse(SeriesRule):
    """Stable rank ‖M‖²_F / ‖M‖²₂ of the batch gradient (TerRIFIC) below a share of its early level or a bound."""

    title = "Rank collapse"

    class Config(SeriesConfig):
        metric: str = Field(
            "stable_rank/min", min_length=1, max_length=300, title="Series", description="* stands for any part"
        )
        share: float = Field(0.25, ge=0, le=1, title="Share of the early level", description="0: not compared")
        early: int = Field(5, ge=1, le=1000, title="Early measurements", description="their median is the early level")
        bound: float = Field(
            0.0, ge=0, title="Absolute bound",
            description="0: none; 1 is the least possible stable rank, and gradients of small batches come near it",
        )  # fmt: skip
        times: int = Field(3, ge=1, le=1000, title="Measurements in a row")

    config: Config

    def watch(self, key: str) -> Watch:
        return _RankCollapse(self.config)
