"""An exponential moving average along the run."""

from __future__ import annotations

from pydantic import Field

from chimera.typed import Config as BaseConfig
from training_app.core.averages.base import AVERAGES, Average


@AVERAGES.register("ema")
class Exponential(Average):
    """Curriculum model averaging (CMA, arXiv 2511.18903): M̄ ← α M + (1 − α) M̄, begun with the oldest checkpoint.

    Beginning so, the oldest of a few checkpoints counts most: 0.33 of six at α = 0.2. `debias` gives weights
    proportional to (1 − α)^age instead.
    """

    title = "Exponential (EMA)"

    class Config(BaseConfig):
        """The share of each newer checkpoint, and what the average begins with."""

        alpha: float = Field(0.2, gt=0, lt=1, title="Alpha", description="share of each newer checkpoint")
        debias: bool = Field(
            False, title="Without the bias of the start", description="else the oldest of a few counts most"
        )

    config: Config

    def weights(self, count: int) -> list[float]:
        kept = 1.0 - self.config.alpha
        powers = [kept**age for age in reversed(range(count))]
        if self.config.debias:
            total = sum(powers)
            return [power / total for power in powers]
        return [powers[0], *(self.config.alpha * power for power in powers[1:])]
