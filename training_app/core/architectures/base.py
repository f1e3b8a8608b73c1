"""What an architecture is: a typed config from which that of a `transformers` causal model follows (torch-free)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import Field, model_validator

from chimera.registry import Registry
from chimera.typed import Config

if TYPE_CHECKING:
    from transformers import PretrainedConfig


@dataclass(frozen=True)
class TextShape:
    """What the sequences decide about a model: vocabulary size, context length and end-of-text token."""

    vocab_size: int
    max_length: int
    eos_id: int


class DenseConfig(Config):
    """The sizes that all decoder-only transformers have."""

    hidden_size: int = Field(128, ge=8, le=8192, title="Hidden size")
    num_layers: int = Field(4, ge=1, le=128, title="Layers")
    num_heads: int = Field(2, ge=1, le=128, title="Attention heads")
    intermediate_size: int = Field(352, ge=8, le=65536, title="Feed-forward size")
    tie_embeddings: bool = Field(True, title="Tie embeddings", description="output layer = input embedding")
    initializer_range: float = Field(0.02, gt=0, le=1, title="Initial standard deviation")

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        if self.hidden_size % (2 * self.num_heads):
            raise ValueError(f"hidden_size must be a multiple of 2 × num_heads = {2 * self.num_heads}")
        return self

    def common(self, text: TextShape) -> dict[str, Any]:
        """The arguments that every config class of `transformers` takes by these names."""
        return {
            "vocab_size": text.vocab_size,
            "hidden_size": self.hidden_size,
            "intermediate_size": self.intermediate_size,
            "num_hidden_layers": self.num_layers,
            "num_attention_heads": self.num_heads,
            "max_position_embeddings": text.max_length,
            "tie_word_embeddings": self.tie_embeddings,
            "initializer_range": self.initializer_range,
            "bos_token_id": text.eos_id,
            "eos_token_id": text.eos_id,
            "pad_token_id": None,
            "use_cache": False,
        }


class GroupedConfig(DenseConfig):
    """Sizes of a model whose query heads share key and value heads (GQA, arXiv 2305.13245)."""

    num_kv_heads: int = Field(0, ge=0, le=128, title="Key-value heads", description="0: as many as attention heads")

    @model_validator(mode="after")
    def _groups_divide(self) -> Self:
        if self.num_kv_heads and self.num_heads % self.num_kv_heads:
            raise ValueError(f"num_kv_heads must divide num_heads = {self.num_heads}")
        return self

    def common(self, text: TextShape) -> dict[str, Any]:
        return {**super().common(text), "num_key_value_heads": self.num_kv_heads or self.num_heads}


class Architecture(ABC):
    """A family of causal language models that can be initialised without any download."""

    title: ClassVar[str]
    Config: ClassVar[type[Config]]

    def __init__(self, config: Any) -> None:
        self.config = config

    @abstractmethod
    def transformers_config(self, text: TextShape) -> PretrainedConfig:
        """The config that `AutoModelForCausalLM.from_config` builds from."""


ARCHITECTURES: Registry[Architecture] = Registry("architecture", "training_app.core.architectures")
