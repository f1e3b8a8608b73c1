"""A value above or below a bound."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from training_app.core.alerts.base import ALERTS, SeriesConfig, SeriesRule, Watch, figures


class _Threshold:
    def __init__(self, config: Threshold.Config) -> None:
        self.config = config
        self.seen = 0

    def add(self, step: int, tokens: int, value: float) -> str | None:
        above = self.config.side == "above"
        beyond = value > self.config.value if above else value < self.config.value
        self.seen = self.seen + 1 if beyond else 0
        if self.seen < self.config.times:
            return None
        row = f" for {self.seen} measurements" if self.config.times > 1 else ""
        return f"{figures(value)} is {self.config.side} {figures(self.config.value)}{row}"


@ALERTS.register("threshold")
class Threshold(SeriesRule):
    """Any series above or below a bound. Chimera's own: the plainest rule there is."""

    title = "Threshold"

    class Config(SeriesConfig):
        metric: str = Field(
            "loss",
            min_length=1,
            max_length=300,
            title="Series",
            description="keys separated by commas; * stands for any part",
        )
        side: Literal["above", "below"] = Field("above", title="Side")
        value: float = Field(10.0, title="Bound")
        times: int = Field(1, ge=1, le=1000, title="Measurements in a row")

    config: Config

    def watch(self, key: str) -> Watch:
        return _Threshold(self.config)
