"""The Llama architecture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training_app.core.architectures.base import ARCHITECTURES, Architecture, GroupedConfig, TextShape

if TYPE_CHECKING:
    from transformers import LlamaConfig


@ARCHITECTURES.register("llama")
class Llama(Architecture):
    """Pre-norm transformer with rotary positions, RMSNorm and SwiGLU (Touvron et al., arXiv 2302.13971)."""

    title = "Llama"

    class Config(GroupedConfig):
        """Sizes; vocabulary and context length come from the sequences."""

    config: Config

    def transformers_config(self, text: TextShape) -> LlamaConfig:
        from transformers import LlamaConfig

        return LlamaConfig(**self.config.common(text))
