"""Predictive entropy of the model over the step's tokens."""

from __future__ import annotations

from pydantic import Field

from training_app.core.metric_keys import MetricKey
from training_app.core.probes.base import PROBES, Probe, ProbeConfig, StepView


@PROBES.register("token_entropy")
class TokenEntropy(Probe):
    """Mean entropy −Σ_v p_v ln p_v (Shannon 1948) of the next-token distribution, from logits the loss computed anyway.

    Falling to zero means a model that is certain of everything (collapse); ln V is a uniform guess.
    """

    title = "Token entropy"
    uses_token_entropy = True
    metrics = (MetricKey("token_entropy", "Token entropy", "nats", "none", "Mean over the tokens of the step."),)

    class Config(ProbeConfig):
        """Cadence."""

        every: int = Field(10, ge=1, title="Every", description="steps between two measurements")

    config: Config

    def __init__(self, config: Config) -> None:
        self.config = config

    def measure(self, view: StepView) -> dict[str, float]:
        return {"token_entropy": float(view.entropy_N.mean())}
