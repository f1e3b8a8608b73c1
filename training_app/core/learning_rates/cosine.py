"""Half a cosine from the peak to the final rate."""

from __future__ import annotations

import math

from training_app.core.learning_rates.base import LEARNING_RATES, DecayingConfig, WarmedUp


@LEARNING_RATES.register("cosine")
class Cosine(WarmedUp):
    """Warm-up, then half a cosine down to the final rate (Loshchilov & Hutter, SGDR, arXiv 1608.03983)."""

    title = "Cosine"

    class Config(DecayingConfig):
        """Peak, warm-up, end."""

    config: Config

    def after_warmup(self, progress: float) -> float:
        peak, final = self.config.peak, self.config.final_fraction
        done = (progress - self.config.warmup_fraction) / (1.0 - self.config.warmup_fraction)
        return peak * (final + (1.0 - final) * (0.5 * (1.0 + math.cos(math.pi * done))))

    def phases_after_warmup(self) -> list[tuple[str, float, float]]:
        return [("decay", self.config.warmup_fraction, 1.0)]
