"""From the rate at which the base ended up to a new peak, then half a cosine."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from training_app.core.learning_rates.base import LEARNING_RATES, DecayingConfig
from training_app.core.learning_rates.cosine import Cosine


@LEARNING_RATES.register("rewarm")
class Rewarm(Cosine):
    """Warms up from a rate above 0, for a base that goes on with new data (Gupta et al., arXiv 2308.04014)."""

    title = "Re-warm"

    class Config(DecayingConfig):
        """Start, peak, warm-up, end."""

        warmup_fraction: float = Field(
            0.01, ge=0, lt=1, title="Warm-up", description="share of the tokens, from the start rate linearly"
        )
        start: float | None = Field(
            None, ge=0, le=1, title="Start rate", description="the last of the base, say; empty: the final rate"
        )

        @model_validator(mode="after")
        def _rises(self) -> Self:
            if self.start is not None and self.start > self.peak:
                raise ValueError(f"the start rate {self.start:g} is above the peak {self.peak:g}: re-warming rises")
            return self

    config: Config  # type: ignore[assignment]  # what a cosine has, and the start

    def rising(self, share: float) -> float:
        start = self.config.start
        low = self.config.peak * self.config.final_fraction if start is None else start
        return low + (self.config.peak - low) * share
