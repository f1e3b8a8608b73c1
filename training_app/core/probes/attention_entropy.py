"""Entropy of the attention weights on a fixed probe batch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import fmean as mean
from typing import TYPE_CHECKING

from pydantic import Field

from training_app.core.metric_keys import MetricKey
from training_app.core.probes.base import PROBES, Probe, ProbeConfig, StepView

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

SATURATED, COLLAPSED = 0.99, 0.1
MOST = 2**27  # attention weights held at once: 512 MiB


def attention_entropy(weights_QK: Tensor) -> Tensor:
    """H_i = −Σ_j a_ij ln a_ij over the last axis, in nats. Row (.2, .3, .5) gives 1.0296530. Shape [..., Q]."""
    import torch

    return -torch.xlogy(weights_QK, weights_QK).sum(-1)


def normalised_entropy(weights_TT: Tensor, window: int | None = None) -> Tensor:
    """H_i / ln(keys) for queries i ≥ 1 of square causal weights: 1 is uniform attention. Shape [..., T - 1].

    Query i sees i + 1 keys, with sliding attention at most `window`. The first query sees only itself: its entropy is
    0 by construction, so it is left out.
    """
    import torch

    num_keys = torch.arange(2, weights_TT.shape[-1] + 1, device=weights_TT.device, dtype=weights_TT.dtype)
    if window is not None:
        num_keys = num_keys.clamp(max=window)
    return attention_entropy(weights_TT)[..., 1:] / num_keys.log()


@dataclass(frozen=True)
class Attention:
    """Measures of one layer's weights, each of shape (heads,), means over texts and queries from the second on.

    `entropy` is normalised, `sharpness` the largest weight of a query, `saturated` the share of queries whose largest
    weight is above .99, `first_token` the weight that lies on the first token (the "sink").
    """

    entropy: list[float]
    sharpness: list[float]
    saturated: list[float]
    first_token: list[float]


def measured(weights_BHTT: Tensor, window: int | None = None) -> Attention:
    """The measures of one layer."""
    weights = weights_BHTT.float()
    largest_BHT = weights[:, :, 1:].amax(-1)
    found = (
        normalised_entropy(weights, window),
        largest_BHT,
        (largest_BHT > SATURATED).float(),
        weights[:, :, 1:, 0],
    )
    return Attention(*(each.mean((0, 2)).tolist() for each in found))


@contextmanager
def eager_attention(model: PreTrainedModel) -> Iterator[None]:
    """Attention that returns its weights (the fused kernels never form them)."""
    before = model.config._attn_implementation
    model.set_attn_implementation("eager")
    try:
        yield
    finally:
        model.set_attn_implementation(before)


def attention_layers(model: PreTrainedModel, count: int) -> list[tuple[int, int | None]]:
    """(depth, sliding window or None) of the `count` layers that attend; others convolve or are linear."""
    config = model.config
    kinds = getattr(config, "layer_types", None) or ["full_attention"] * config.num_hidden_layers
    attending = [place for place, kind in enumerate(kinds) if kind in ("full_attention", "sliding_attention")]
    if len(attending) != count:
        return [(place, None) for place in range(count)]
    return [(place, config.sliding_window if kinds[place] == "sliding_attention" else None) for place in attending]


def short_enough(probe_BT: Tensor, model: PreTrainedModel) -> Tensor:
    """The beginnings of the texts, so that the weights of all layers (layers · heads · B · T²) fit into `MOST`."""
    config = model.config
    each = config.num_hidden_layers * getattr(config, "num_attention_heads", 1) * len(probe_BT)
    return probe_BT[:, : max(8, int((MOST / each) ** 0.5))]


@PROBES.register("attention_entropy")
class AttentionEntropy(Probe):
    """Normalised attention entropy by layer and head, and how sharp attention is (entropy collapse: arXiv 2303.06296).

    Measured in a separate forward pass over a fixed batch of held-out text, so that arms and steps compare. Alert
    rules watch the entropies: below 0.1 a layer looks at one token only.
    """

    title = "Attention entropy"
    metrics = (
        MetricKey("attention_entropy", "Attention entropy", "of ln(keys)", "none", "1 is uniform attention."),
        MetricKey("attention_entropy/layer/*", "Attention entropy", "of ln(keys)", "none", "Mean over heads."),
        MetricKey("attention_entropy/head/*", "Attention entropy", "of ln(keys)", "none", "Of layer.head."),
        MetricKey("attention/lowest_head", "Attention entropy, lowest head", "of ln(keys)", "none", "Of all layers."),
        MetricKey("attention/sharpness", "Attention sharpness", "share", "none", "Mean largest weight of a query."),
        MetricKey("attention/saturated", "Saturated queries", "share", "lower", "Largest weight above .99."),
        MetricKey("attention/saturated_heads", "Saturated heads", "heads", "lower", "Entropy below .1."),
        MetricKey("attention/first_token", "Attention to the first token", "share", "none", "The attention sink."),
    )

    class Config(ProbeConfig):
        """Cadence and detail."""

        every: int = Field(50, ge=1, title="Every", description="steps between two measurements")
        per_layer: bool = Field(True, title="Every layer", description="one series per layer, for the heat map")
        per_head: bool = Field(False, title="Every head", description="one series per head of every layer")

    config: Config

    def __init__(self, config: Config) -> None:
        self.config = config

    def measure(self, view: StepView) -> dict[str, float]:
        import torch

        with torch.no_grad(), eager_attention(view.model):
            tokens = short_enough(view.probe_BT, view.model)
            output = view.model.base_model(tokens, output_attentions=True, use_cache=False)
        found = getattr(output, "attentions", None) or ()  # a state-space model has none
        weights = [each for each in found if each is not None]
        layers = dict(attention_layers(view.model, len(weights)))
        return self._values({k: measured(w, layers[k]) for k, w in zip(layers, weights, strict=True)}) if layers else {}

    def _values(self, layers: dict[int, Attention]) -> dict[str, float]:
        means = {depth: mean(layer.entropy) for depth, layer in layers.items()}
        heads = {f"{depth}.{head}": e for depth, layer in layers.items() for head, e in enumerate(layer.entropy)}
        values = {
            "attention_entropy": mean(means.values()),
            "attention/lowest_head": min(heads.values()),
            "attention/saturated_heads": float(sum(entropy < COLLAPSED for entropy in heads.values())),
            "attention/sharpness": mean(value for layer in layers.values() for value in layer.sharpness),
            "attention/saturated": mean(value for layer in layers.values() for value in layer.saturated),
            "attention/first_token": mean(value for layer in layers.values() for value in layer.first_token),
        }
        if self.config.per_layer:
            values |= {f"attention_entropy/layer/{depth}": value for depth, value in means.items()}
        if self.config.per_head:
            values |= {f"attention_entropy/head/{name}": value for name, value in heads.items()}
        return values
