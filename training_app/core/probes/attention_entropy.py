"""Entropy of the attention weights on a fixed probe batch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pydantic import Field

from training_app.core.metric_keys import MetricKey
from training_app.core.probes.base import PROBES, Probe, ProbeConfig, StepView

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel


def attention_entropy(weights_QK: Tensor) -> Tensor:
    """H_i = −Σ_j a_ij ln a_ij over the last axis, in nats. Row (.2, .3, .5) gives 1.0296530. Shape [..., Q]."""
    import torch

    return -torch.xlogy(weights_QK, weights_QK).sum(-1)


def normalised_entropy(weights_TT: Tensor) -> Tensor:
    """H_i / ln(i + 1) for queries i ≥ 1 of square causal weights: 1 is uniform attention. Shape [..., T - 1].

    The first query sees only itself: its entropy is 0 by construction, so it is left out.
    """
    import torch

    num_keys = torch.arange(2, weights_TT.shape[-1] + 1, device=weights_TT.device, dtype=weights_TT.dtype)
    return attention_entropy(weights_TT)[..., 1:] / num_keys.log()


@contextmanager
def eager_attention(model: PreTrainedModel) -> Iterator[None]:
    """Attention that returns its weights (the fused kernels never form them)."""
    before = model.config._attn_implementation
    model.set_attn_implementation("eager")
    try:
        yield
    finally:
        model.set_attn_implementation(before)


@PROBES.register("attention_entropy")
class AttentionEntropy(Probe):
    """Mean normalised attention entropy over layers, heads and queries (entropy collapse: arXiv 2303.06296).

    Measured in a separate forward pass over a fixed batch of held-out text, so that arms and steps compare.
    """

    title = "Attention entropy"
    metrics = (
        MetricKey("attention_entropy", "Attention entropy", "of ln(keys)", "none", "1 is uniform attention."),
        MetricKey("attention_entropy/layer/*", "Attention entropy", "of ln(keys)", "none", "Mean over heads."),
    )

    class Config(ProbeConfig):
        """Cadence and detail."""

        every: int = Field(50, ge=1, title="Every", description="steps between two measurements")
        per_layer: bool = Field(False, title="Every layer", description="one series per layer as well")

    config: Config

    def __init__(self, config: Config) -> None:
        self.config = config

    def measure(self, view: StepView) -> dict[str, float]:
        import torch

        with torch.no_grad(), eager_attention(view.model):
            attentions = view.model.base_model(view.probe_BT, output_attentions=True, use_cache=False).attentions
            layers = [float(normalised_entropy(weights.float()).mean()) for weights in attentions]
        values = {"attention_entropy": sum(layers) / len(layers)}
        if self.config.per_layer:
            values |= {f"attention_entropy/layer/{index}": value for index, value in enumerate(layers)}
        return values
