"""Stable rank of the batch gradient of every Linear layer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pydantic import Field

from training_app.core.metric_keys import MetricKey
from training_app.core.probes.base import PROBES, Probe, ProbeConfig, StepView

if TYPE_CHECKING:
    from torch import Tensor


def stable_rank(matrix: Tensor) -> float:
    """‖M‖_F² / ‖M‖₂², between 1 and the rank; NaN for a zero matrix.

    From the eigenvalues of the Gram matrix of the smaller side in float32: trace / largest (relative error 3e-6
    against the full SVD, at 0.4 of its cost). diag(3, 4) gives 25/16 = 1.5625.
    """
    import torch

    m = matrix.detach().float()
    largest_entry = m.abs().max()
    if not bool(largest_entry > 0):
        return math.nan
    m = m / largest_entry  # the measure is scale-free; squares of tiny gradients would underflow
    gram = m @ m.T if m.shape[0] <= m.shape[1] else m.T @ m
    return float(gram.trace() / torch.linalg.eigvalsh(gram)[-1])


@PROBES.register("stable_rank")
class StableRank(Probe):
    """Smallest and mean stable rank over layers of dL/dW, each layer one matrix.

    Stable rank: Rudelson & Vershynin 2007; as a measure of the diversity of gradients: TerRIFIC Curricula.

    A layer whose gradient is zero has no stable rank: it is left out and counted. With an adapter the layers are its
    matrices A and B, and those base weights that are trained as well. The other reading of "gradient matrix", one row
    of all weights per part of the batch, is measured if `parts` is set.
    """

    title = "Stable rank of gradients"
    metrics = (
        MetricKey("stable_rank/min", "Stable rank, smallest layer", "", "higher", "Of dL/dW of one batch."),
        MetricKey("stable_rank/mean", "Stable rank, mean over layers", "", "higher", "Of dL/dW of one batch."),
        MetricKey("stable_rank/zero_gradients", "Layers without gradient", "layers", "lower"),
        MetricKey("stable_rank/parts", "Stable rank of stacked gradients", "", "higher", "Rows: parts of one batch."),
        MetricKey("stable_rank/layer/*", "Stable rank", "", "higher", "Of dL/dW of one batch."),
    )

    class Config(ProbeConfig):
        """Cadence and detail."""

        every: int = Field(50, ge=1, title="Every", description="steps between two measurements")
        per_layer: bool = Field(True, title="Every layer", description="one series per layer, for the heat map")
        parts: int = Field(
            0, ge=0, le=64, title="Stacked parts", description="of the batch, each one gradient; 0: not measured"
        )

    config: Config

    def __init__(self, config: Config) -> None:
        self.config = config

    def measure(self, view: StepView) -> dict[str, float]:
        from training_app.core.model import hidden_linears

        weights = {name: linear.weight for name, linear in hidden_linears(view.model).items()}
        trained = {name: weight.grad for name, weight in weights.items() if weight.requires_grad}
        ranks = {name: stable_rank(grad) for name, grad in trained.items() if grad is not None}
        known = {name: rank for name, rank in ranks.items() if not math.isnan(rank)}
        values = {
            "stable_rank/zero_gradients": float(len(trained) - len(known)),
        }
        if known:
            values |= {"stable_rank/min": min(known.values()), "stable_rank/mean": sum(known.values()) / len(known)}
        if self.config.per_layer:
            values |= {f"stable_rank/layer/{name}": rank for name, rank in known.items()}
        return values | (self._of_parts(view) if self.config.parts > 1 else {})

    def _of_parts(self, view: StepView) -> dict[str, float]:
        import numpy as np

        from training_app.core.part_gradients import gram_of_parts

        gram = gram_of_parts(view, self.config.parts)
        top = float(np.linalg.eigvalsh(gram)[-1]) if np.isfinite(gram).all() else math.nan
        return {"stable_rank/parts": float(gram.trace()) / top} if top > 0 else {}
