"""The sizes of a causal language model, read from its config.json (pure, torch-free)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

GPT2_NAMES = {"hidden_size": "n_embd", "num_hidden_layers": "n_layer", "num_attention_heads": "n_head"}


@dataclass(frozen=True)
class ModelShape:
    """Sizes in numbers, not bytes. `queries` and `keys` are the widths of the attention projections."""

    parameters: int
    vocab: int
    hidden: int
    layers: int
    queries: int
    keys: int
    intermediate: int
    gated: bool = True
    tied: bool = True

    @property
    def attention_weights(self) -> int:
        """Of one layer: query, key, value and output projections."""
        return 2 * self.hidden * self.queries + 2 * self.hidden * self.keys

    @property
    def feed_forward_weights(self) -> int:
        return (3 if self.gated else 2) * self.hidden * self.intermediate

    @property
    def block_weights(self) -> int:
        """Weights of all layers that a token is multiplied with."""
        return self.layers * (self.attention_weights + self.feed_forward_weights)

    @property
    def head_weights(self) -> int:
        return self.vocab * self.hidden

    @property
    def matrix_weights(self) -> int:
        """Every weight that a token is multiplied with: blocks and output layer, not the embedding's look-up."""
        return self.block_weights + self.head_weights

    def lora_weights(self, rank: int) -> int:
        """Of adapters on the four attention projections: r · (inputs + outputs) each."""
        hidden, queries, keys = self.hidden, self.queries, self.keys
        return self.layers * rank * (2 * (hidden + queries) + 2 * (hidden + keys))


def shape_of(config: Mapping[str, Any], parameters: int | None = None) -> ModelShape | None:
    """The shape a `config.json` states; None when it lacks a size. Layers of other kinds count as attention layers.

    Without `parameters` they are counted by the formula of a Llama (norms included, biases left out).
    """

    def size(name: str) -> int:
        value = config.get(name, config.get(GPT2_NAMES.get(name, "")))
        return value if type(value) is int and value > 0 else 0

    hidden, layers, heads, vocab = map(size, ("hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size"))
    if not (hidden and layers and heads and vocab):
        return None
    width = size("head_dim") or hidden // heads
    tied = bool(config.get("tie_word_embeddings", True))
    keys = (size("num_key_value_heads") or heads) * width
    gpt2 = "n_embd" in config
    intermediate = size("intermediate_size") or 4 * hidden
    shape = ModelShape(0, vocab, hidden, layers, heads * width, keys, intermediate, gated=not gpt2, tied=tied)
    counted = shape.block_weights + (1 if tied else 2) * vocab * hidden + (2 * layers + 1) * hidden
    return ModelShape(**{**vars(shape), "parameters": parameters or counted})
