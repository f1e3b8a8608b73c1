"""Entropy that leaves its band, or a distribution that has saturated."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Self

from pydantic import Field, model_validator

from training_app.core.alerts.base import ALERTS, Rule, RuleConfig, Watch, figures, matches

Fault = Callable[[float], str | None]


class _InARow:
    """Speaks when `fault` has found something so many times in a row."""

    def __init__(self, fault: Fault, times: int) -> None:
        self.fault, self.times = fault, times
        self.seen = 0

    def add(self, step: int, tokens: int, value: float) -> str | None:
        if not math.isfinite(value):
            return None
        said = self.fault(value)
        self.seen = self.seen + 1 if said else 0
        return f"{said} for {self.seen} measurements" if said and self.seen >= self.times else None


@ALERTS.register("entropy_band")
class EntropyBand(Rule):
    """Token or attention entropy outside a band, and saturation: top-1 share > .95 or normalised entropy < .1.

    Low attention entropy goes with unstable training (arXiv 2303.06296). There is no band that fits every model, so the
    band is empty until a user sets it; saturation is watched from the start.
    """

    title = "Entropy out of its band"

    class Config(RuleConfig):
        metric: str = Field(
            "token_entropy", max_length=300, title="Series of the band", description="keys separated by commas"
        )
        low: float | None = Field(None, title="Lower end", description="empty: none")
        high: float | None = Field(None, title="Upper end", description="empty: none")
        normalised: str = Field(
            "attention_entropy*, *spectral_entropy*",
            max_length=300,
            title="Series from 0 to 1",
            description="normalised entropies, watched for saturation",
        )
        least_normalised: float = Field(0.1, ge=0, le=1, title="Saturated below", description="normalised entropy")
        top_share: str = Field("*top_share*", max_length=300, title="Series of the largest share")
        most_top_share: float = Field(0.95, ge=0, le=1, title="Saturated above", description="top-1 share")
        times: int = Field(3, ge=1, le=1000, title="Measurements in a row")

        @model_validator(mode="after")
        def _band_is_open(self) -> Self:
            if self.low is not None and self.high is not None and self.low >= self.high:
                raise ValueError("the lower end must be below the upper end")
            return self

    def __init__(self, config: Config) -> None:
        self.config = config

    def series(self) -> str:
        band = self.config.metric if self._has_band() else ""
        return ",".join((band, self.config.normalised, self.config.top_share))

    def watch(self, key: str) -> Watch:
        return _InARow(self._fault(key), self.config.times)

    def _fault(self, key: str) -> Fault:
        if any(matches(key, pattern) for pattern in self.config.metric.split(",")) and self._has_band():
            return self._outside
        if any(matches(key, pattern) for pattern in self.config.top_share.split(",")):
            return self._too_large
        return self._too_small

    def _has_band(self) -> bool:
        return self.config.low is not None or self.config.high is not None

    def _outside(self, value: float) -> str | None:
        if self.config.low is not None and value < self.config.low:
            return f"{figures(value)} is below the band ({figures(self.config.low)})"
        if self.config.high is not None and value > self.config.high:
            return f"{figures(value)} is above the band ({figures(self.config.high)})"
        return None

    def _too_large(self, value: float) -> str | None:
        bound = self.config.most_top_share
        return f"saturated: the largest share {figures(value)} is above {figures(bound)}" if value > bound else None

    def _too_small(self, value: float) -> str | None:
        bound = self.config.least_normalised
        return f"saturated: normalised entropy {figures(value)} is below {figures(bound)}" if value < bound else None
