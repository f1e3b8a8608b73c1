"""A value far outside of what the last ones were like."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from collections import deque
from typing import Literal

from pydantic import Field

from training_app.core.alerts.base import ALERTS, SeriesConfig, SeriesRule, Watch, figures

NORMAL = 1.4826  # MAD × this estimates the standard deviation of a normal distribution
LEAST = 16  # earlier points say too little about the scatter


class _Spike:
    """Keeps the window twice: in order of arrival and sorted, so that a point costs O(log window) comparisons."""

    def __init__(self, config: Spike.Config) -> None:
        self.config = config
        self.recent: deque[float] = deque()
        self.sorted: list[float] = []

    def add(self, step: int, tokens: int, value: float) -> str | None:
        if not math.isfinite(value):
            return None
        said = self._judge(value) if len(self.sorted) >= min(LEAST, self.config.window) else None
        self.recent.append(value)
        insort(self.sorted, value)
        if len(self.recent) > self.config.window:
            oldest = self.recent.popleft()
            del self.sorted[bisect_left(self.sorted, oldest)]
        return said

    def _judge(self, value: float) -> str | None:
        median = middle(self.sorted)
        distance = value - median
        far = {"above": distance, "below": -distance, "both": abs(distance)}[self.config.side]
        if far <= self.config.floor * abs(median) or not self._may_be_far(median, far):
            return None
        deviation = NORMAL * middle(sorted(abs(item - median) for item in self.sorted))
        if far <= self.config.factor * deviation:
            return None
        times = f"{far / deviation:.3g} deviations" if deviation else "far"
        return f"{figures(value)} is {times} from the median {figures(median)}"

    def _may_be_far(self, median: float, far: float) -> bool:
        """False if the MAD is certainly too large, by counting: less than half of the window lies that near."""
        radius = far / (NORMAL * self.config.factor)
        near = bisect_right(self.sorted, median + radius) - bisect_left(self.sorted, median - radius)
        return 2 * near >= len(self.sorted)


def middle(ordered: list[float]) -> float:
    """The median of sorted values."""
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


@ALERTS.register("spike")
class Spike(SeriesRule):
    """|x - median| / (1.4826 · MAD) over a running window: the modified z-score of Iglewicz & Hoaglin (1993).

    Median and MAD do not follow the spike itself, as mean and standard deviation would.
    """

    title = "Spike"

    class Config(SeriesConfig):
        metric: str = Field(
            "loss",
            min_length=1,
            max_length=300,
            title="Series",
            description="keys separated by commas; * stands for any part; grad_norm has far outliers in small batches",
        )
        window: int = Field(64, ge=8, le=10_000, title="Window", description="how many points before it are compared")
        factor: float = Field(10.0, gt=0, le=1e6, title="Factor", description="robust standard deviations")
        floor: float = Field(
            0.1, ge=0, le=1e6, title="Smallest change", description="share of the median below which nothing is a spike"
        )
        side: Literal["above", "below", "both"] = Field("above", title="Side")

    config: Config

    def watch(self, key: str) -> Watch:
        return _Spike(self.config)
