"""The size of the weights and of what a step does to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from training_app.core.metric_keys import MetricKey
from training_app.core.probes.base import PROBES, Probe, ProbeConfig, StepView

if TYPE_CHECKING:
    from torch import Tensor


@PROBES.register("norms")
class Norms(Probe):
    """L2 norms of the trained weights and of the step's update, and the ratio of the two.

    Weight decay keeps the ratio in bounds (Loshchilov & Hutter, arXiv 1711.05101); about 10⁻³ is usual. The update is
    what the optimizer really did, clipping and decay included.
    """

    title = "Weight and update norms"
    metrics = (
        MetricKey("norm/weights", "Norm of the weights", "", "none", "L2, all trained weights."),
        MetricKey("norm/update", "Norm of the update", "", "none", "L2, of one step."),
        MetricKey("norm/update_ratio", "Update by weight", "", "none", "Norm of the update over that of the weights."),
        MetricKey("norm/update_ratio/layer/*", "Update by weight", "", "none", "Of one matrix."),
    )

    class Config(ProbeConfig):
        """Cadence and detail."""

        every: int = Field(50, ge=1, title="Every", description="steps between two measurements")
        per_layer: bool = Field(False, title="Every layer", description="one series per matrix as well")

    config: Config

    def __init__(self, config: Config) -> None:
        self.config = config
        self.before: list[Tensor] = []  # the weights between `measure` and `after_update` of one step

    def measure(self, view: StepView) -> dict[str, float]:
        import torch

        from training_app.core.model import trained_parameters

        self.before = [weight.detach().clone() for weight in trained_parameters(view.model).values()]
        return {"norm/weights": float(torch.stack(torch._foreach_norm(self.before)).norm())}

    def after_update(self, view: StepView) -> dict[str, float]:
        import torch

        from training_app.core.model import trained_parameters

        weights = trained_parameters(view.model)
        sizes = torch.stack(torch._foreach_norm(self.before))
        torch._foreach_sub_(self.before, [weight.detach() for weight in weights.values()])
        moves = torch.stack(torch._foreach_norm(self.before))
        self.before = []
        update = float(moves.norm())
        values = {"norm/update": update, "norm/update_ratio": update / float(sizes.norm())}
        if self.config.per_layer:
            ratios = zip(weights.items(), (moves / sizes).tolist(), strict=True)
            matrices = {name.removesuffix(".weight"): ratio for (name, weight), ratio in ratios if weight.ndim == 2}
            values |= {f"norm/update_ratio/layer/{name}": ratio for name, ratio in matrices.items()}
        return values
