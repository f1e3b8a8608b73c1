"""The optimizer's own estimate of how much gradients vary."""

from __future__ import annotations

from pydantic import Field

from training_app.core.metric_keys import MetricKey
from training_app.core.probes.base import PROBES, Probe, ProbeConfig, StepView


@PROBES.register("adam_variance")
class AdamVariance(Probe):
    """Largest element and sum of √v, Adam's second moment v: extreme values go before instabilities.

    Li et al., arXiv 2108.06084, who warm up the sequence length against them. 0 before the first step.
    """

    title = "Variance in Adam"
    metrics = (
        MetricKey("adam/variance_max", "Adam, largest √v", "", "none", "Over all trained weights."),
        MetricKey("adam/variance_sum", "Adam, sum of √v", "", "none", "L1 norm over all trained weights."),
    )

    class Config(ProbeConfig):
        """Cadence."""

        every: int = Field(50, ge=1, title="Every", description="steps between two measurements")

    config: Config

    def __init__(self, config: Config) -> None:
        self.config = config

    def measure(self, view: StepView) -> dict[str, float]:
        import torch

        weights = [weight for group in view.optimizer.param_groups for weight in group["params"]]
        states = [view.optimizer.state.get(weight, {}) for weight in weights]  # in an order that a resumed run has too
        moments = [state["exp_avg_sq"] for state in states if "exp_avg_sq" in state]
        if not moments:
            return {"adam/variance_max": 0.0, "adam/variance_sum": 0.0}
        roots = torch._foreach_sqrt(moments)
        largest = torch.stack([root.max() for root in roots]).max()
        return {
            "adam/variance_max": float(largest),
            "adam/variance_sum": float(torch.stack([r.sum() for r in roots]).sum()),
        }
