"""The peak, held to the end."""

from __future__ import annotations

from training_app.core.learning_rates.base import LEARNING_RATES, RateConfig, WarmedUp


@LEARNING_RATES.register("constant")
class Constant(WarmedUp):
    """Warm-up, then the peak: what weight averaging wants (CMA, arXiv 2511.18903)."""

    title = "Constant"

    class Config(RateConfig):
        """Peak and warm-up."""

    config: Config

    def after_warmup(self, progress: float) -> float:
        return self.config.peak

    def phases_after_warmup(self) -> list[tuple[str, float, float]]:
        return [("stable", self.config.warmup_fraction, 1.0)]
