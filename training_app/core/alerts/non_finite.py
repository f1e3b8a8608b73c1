"""NaN or infinity in a series."""

from __future__ import annotations

import math

from pydantic import Field

from training_app.core.alerts.base import ALERTS, SeriesConfig, SeriesRule, Watch


class _NonFinite:
    def add(self, step: int, tokens: int, value: float) -> str | None:
        if math.isfinite(value):
            return None
        return "NaN, not a number" if math.isnan(value) else f"{'+' if value > 0 else '-'}infinity"


@ALERTS.register("non_finite")
class NonFinite(SeriesRule):
    """A value that is no finite number: the run has diverged or a probe is broken. Chimera's own: a plain check."""

    title = "NaN or infinity"

    class Config(SeriesConfig):
        metric: str = Field(
            "loss, grad_norm, held_out/*",
            min_length=1,
            max_length=300,
            title="Series",
            description="keys separated by commas; * stands for any part",
        )

    config: Config

    def watch(self, key: str) -> Watch:
        return _NonFinite()
