"""The Qwen3 architecture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training_app.core.architectures.base import ARCHITECTURES, Architecture, GroupedConfig, TextShape

if TYPE_CHECKING:
    from transformers import Qwen3Config


@ARCHITECTURES.register("qwen3")
class Qwen3(Architecture):
    """As Llama, with normalised queries and keys (Yang et al., arXiv 2505.09388, §2)."""

    title = "Qwen3"

    class Config(GroupedConfig):
        """Sizes; vocabulary and context length come from the sequences."""

    config: Config

    def transformers_config(self, text: TextShape) -> Qwen3Config:
        from transformers import Qwen3Config

        common = self.config.common(text)
        return Qwen3Config(**common, head_dim=self.config.hidden_size // self.config.num_heads)
