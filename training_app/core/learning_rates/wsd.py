"""Warm-up, stable, decay."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from training_app.core.learning_rates.base import LEARNING_RATES, DecayingConfig, WarmedUp


@LEARNING_RATES.register("wsd")
class WarmupStableDecay(WarmedUp):
    """Holds the peak and decays at the end only (MiniCPM, arXiv 2404.06395)."""

    title = "Warm-up, stable, decay"

    class Config(DecayingConfig):
        """Peak, warm-up, length and form of the decay."""

        decay_fraction: float = Field(0.2, gt=0, le=1, title="Decay", description="share of the tokens")
        decay: Literal["linear", "sqrt"] = Field("linear", title="Form of the decay", description="sqrt: 1 − √r")

    config: Config

    def after_warmup(self, progress: float) -> float:
        left = min(1.0, (1.0 - progress) / self.config.decay_fraction)
        if self.config.decay == "sqrt":
            left = 1.0 - (1.0 - left) ** 0.5
        peak, final = self.config.peak, self.config.final_fraction
        return peak * (final + (1.0 - final) * left)

    def phases_after_warmup(self) -> list[tuple[str, float, float]]:
        warmup = self.config.warmup_fraction
        turn = max(1.0 - self.config.decay_fraction, warmup)
        return [("stable", warmup, turn), ("decay", turn, 1.0)]
