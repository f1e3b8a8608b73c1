"""What a training step will need before it is tried: memory and time, by formulas that docs/models.md explains (pure).

Memory = weights + gradients + AdamW's two moments + activations + the loss's chunk of logits + what the process has
anyway. Time = FLOPs / matmul rate + bytes moved / memory bandwidth, both rates measured on the worker. FLOPs: 6 per
weight and token for full training (Kaplan et al., arXiv 2001.08361), 4 where weights are frozen, and 12 · layers ·
width · length for attention (Chowdhery et al., arXiv 2204.02311, appendix B).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log2
from typing import Literal

from training_app.core.logit_rows import logit_rows
from training_app.core.model_shape import ModelShape

FLOAT, HALF = 4, 2  # bytes
LOGIT_COPIES = 3  # logits, their exponentials, the gradient's product
PROCESS_BYTES = {"cpu": 550_000_000, "cuda": 500_000_000}  # Python with torch and transformers; a CUDA context
SLACK = 1.08  # what an allocator holds beyond what is in use
OPTIMIZER_PASSES = 10  # reads and writes of each trained number: norm, clipping, AdamW, zeroing
ACTIVATION_PASSES = 6  # reads and writes of each activation, forward and backward, by what is not a matrix product

Method = Literal["full", "lora"]


@dataclass(frozen=True)
class Setting:
    """How one step is taken. `sequences` go through the model at once; a step may take several such parts."""

    method: Method = "full"
    length: int = 256
    sequences: int = 1
    parts: int = 1
    rank: int = 8
    precision: Literal["float32", "bf16"] = "float32"
    checkpointing: bool = False
    device: Literal["cpu", "cuda"] = "cpu"

    @property
    def tokens(self) -> int:
        """At once."""
        return self.length * self.sequences


@dataclass(frozen=True)
class Memory:
    """Bytes by what they are for."""

    weights: float
    gradients: float
    moments: float
    activations: float
    logits: float
    process: float

    @property
    def total(self) -> float:
        return SLACK * (self.weights + self.gradients + self.moments + self.activations + self.logits) + self.process

    def fits(self, num_bytes: float) -> bool:
        return self.total <= num_bytes


@dataclass(frozen=True)
class Rates:
    """A worker's speed: `matmul` maps widths of square matrices to FLOP/s, `bandwidth` is in bytes/s."""

    matmul: Mapping[int, float]
    bandwidth: float

    @property
    def peak(self) -> float:
        return max(self.matmul.values())

    def at(self, width: float) -> float:
        """FLOP/s at a width, between measured ones in proportion to its logarithm."""
        known = sorted(self.matmul)
        below = max((each for each in known if each <= width), default=known[0])
        above = min((each for each in known if each >= width), default=known[-1])
        if below >= above:
            return self.matmul[above if width < known[0] else below]
        share = (log2(width) - log2(below)) / (log2(above) - log2(below))
        return self.matmul[below] * (1 - share) + self.matmul[above] * share


def trained_numbers(shape: ModelShape, setting: Setting) -> int:
    return shape.parameters if setting.method == "full" else shape.lora_weights(setting.rank)


def memory(shape: ModelShape, setting: Setting) -> Memory:
    """Bytes at the highest point of a step; weights and moments are float32 whatever the precision of products."""
    trained = trained_numbers(shape, setting)
    adapters = 0 if setting.method == "full" else trained
    cast = HALF * shape.matrix_weights if setting.precision == "bf16" else 0  # autocast's copies
    rows = min(setting.tokens, logit_rows(setting.device, shape.vocab))
    head_gradient = FLOAT * shape.head_weights if setting.method == "full" else 0  # the fused loss's own, then added
    return Memory(
        weights=FLOAT * (shape.parameters + adapters) + cast,
        gradients=FLOAT * trained + head_gradient,
        moments=2 * FLOAT * trained,
        activations=_activations(shape, setting),
        logits=LOGIT_COPIES * FLOAT * rows * shape.vocab,
        process=PROCESS_BYTES[setting.device],
    )


def _activations(shape: ModelShape, setting: Setting) -> float:
    """Bytes kept from the forward to the backward pass; with checkpointing the inputs of all layers and one layer."""
    layer = _bytes_of_layer(shape, setting)
    outside = 3 * FLOAT * shape.hidden  # embedding, last norm, the loss's gradient
    if setting.checkpointing:
        return setting.tokens * (shape.layers * FLOAT * shape.hidden + layer + outside)
    return setting.tokens * (shape.layers * layer + outside)


def _bytes_of_layer(shape: ModelShape, setting: Setting) -> float:
    """Of one token: norms keep the residual stream in float32; products their inputs; attention q, k, v and output.

    A frozen matrix does not need its input, a frozen norm not its result.
    """
    other = HALF if setting.precision == "bf16" else FLOAT
    hidden, queries, wide = shape.hidden, shape.queries, shape.intermediate
    feed_forward = 3 * wide if shape.gated else wide
    if setting.method == "full":
        return FLOAT * 4 * hidden + other * (2 * hidden + 5 * queries + feed_forward + wide)
    return FLOAT * 2 * hidden + other * (hidden + 5 * queries + feed_forward + 4 * setting.rank)


def flops(shape: ModelShape, setting: Setting) -> float:
    """Of one part of a step, forward and backward."""
    per_weight = 6 if setting.method == "full" else 4
    attention = 12 * shape.layers * shape.queries * setting.length
    per_token = float(per_weight * shape.matrix_weights + attention)
    if setting.method == "lora":
        per_token += 6 * shape.lora_weights(setting.rank)
    if setting.checkpointing:
        per_token += 2 * shape.block_weights + attention / 3
    return setting.tokens * per_token


def step_seconds(shape: ModelShape, setting: Setting, rates: Rates) -> float:
    """Products at the rate of the model's width, the rest at the speed of memory."""
    products = flops(shape, setting) / rates.at(shape.hidden)
    moved = ACTIVATION_PASSES * setting.tokens * shape.layers * _bytes_of_layer(shape, setting)
    updated = OPTIMIZER_PASSES * FLOAT * trained_numbers(shape, setting)
    return setting.parts * (products + moved / rates.bandwidth) + updated / rates.bandwidth


def tokens_per_second(shape: ModelShape, setting: Setting, rates: Rates) -> float:
    return setting.parts * setting.tokens / step_seconds(shape, setting, rates)
