"""How noisy the gradient of a batch is: the gradient noise scale."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pydantic import Field

from training_app.core.metric_keys import MetricKey
from training_app.core.probes.base import PROBES, Probe, ProbeConfig, StepView

if TYPE_CHECKING:
    from training_app.core.part_gradients import Float


def noise_scale(small: float, large: float, b: int, big: int) -> tuple[float, float]:
    """(|G|², tr Σ) from ‖g_b‖² = `small` of b rows and ‖g_B‖² = `large` of `big` rows; |G|² may come out negative.

    |G|² = (B·‖g_B‖² − b·‖g_b‖²) / (B − b), tr Σ = (‖g_b‖² − ‖g_B‖²) / (1/b − 1/B). 5 of 8 and 2 of 32: (1, 32).
    """
    return (big * large - b * small) / (big - b), (small - large) / (1 / b - 1 / big)


def norms_of_parts(gram: Float) -> tuple[float, float]:
    """Mean squared norm of the gradients of n equal parts, and the squared norm of their mean."""
    return float(gram.trace()) / len(gram), float(gram.sum()) / len(gram) ** 2


@PROBES.register("noise_scale")
class NoiseScale(Probe):
    """B_simple = tr Σ / |G|² (McCandlish et al., arXiv 1812.06162): the batch above which more sequences help little.

    From the gradients of equal parts of the batch and of the parts together, before clipping. Numerator and
    denominator are averaged over the measurements, each for itself, and then divided; where the average of |G|² is
    not above 0 the noise scale is not known and no point is written.
    """

    title = "Gradient noise scale"
    metrics = (
        MetricKey("noise_scale", "Gradient noise scale", "sequences", "none", "tr Σ / |G|²: a batch worth its cost."),
        MetricKey("noise_scale/gradient", "Squared norm of the true gradient", "", "none", "Averaged; may be below 0."),
        MetricKey("noise_scale/variance", "Variance of a sequence's gradient", "", "none", "Trace of Σ, averaged."),
    )

    class Config(ProbeConfig):
        """Cadence and sizes."""

        every: int = Field(100, ge=1, title="Every", description="steps between two measurements")
        parts: int = Field(4, ge=2, le=64, title="Parts", description="of the batch, each one gradient")
        memory: float = Field(0.9, ge=0, lt=1, title="Memory", description="share of the past in the averages")

    config: Config

    def __init__(self, config: Config) -> None:
        self.config = config
        self.gradient = self.variance = self.weight = 0.0

    def measure(self, view: StepView) -> dict[str, float]:
        from training_app.core.part_gradients import equal_parts, gram_of_parts

        size = len(equal_parts(view.batch, self.config.parts)[0].rows)
        gram = gram_of_parts(view, self.config.parts)
        if len(gram) < 2 or not math.isfinite(gram.sum()):
            return {}
        small, large = norms_of_parts(gram)
        self._remember(*noise_scale(small, large, size, size * len(gram)))
        gradient, variance = self.gradient / self.weight, self.variance / self.weight
        values = {"noise_scale/gradient": gradient, "noise_scale/variance": variance}
        return values | ({"noise_scale": variance / gradient} if gradient > 0 else {})

    def _remember(self, gradient: float, variance: float) -> None:
        keep = self.config.memory
        self.gradient = keep * self.gradient + (1 - keep) * gradient
        self.variance = keep * self.variance + (1 - keep) * variance
        self.weight = keep * self.weight + (1 - keep)

    def state_dict(self) -> dict[str, float]:
        return {"gradient": self.gradient, "variance": self.variance, "weight": self.weight}

    def load_state_dict(self, state: dict[str, float]) -> None:
        self.gradient, self.variance, self.weight = state["gradient"], state["variance"], state["weight"]
