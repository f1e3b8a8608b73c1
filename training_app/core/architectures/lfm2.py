"""The LFM2 architecture: short convolutions with attention in some layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from training_app.core.architectures.base import ARCHITECTURES, Architecture, GroupedConfig, TextShape

if TYPE_CHECKING:
    from transformers import Lfm2Config


@ARCHITECTURES.register("lfm2")
class Lfm2(Architecture):
    """Gated short convolutions, every n-th layer grouped-query attention (LFM2 technical report, arXiv 2511.23404)."""

    title = "LFM2, convolution and attention"

    class Config(GroupedConfig):
        """Sizes; vocabulary and context length come from the sequences."""

        attention_every: int = Field(2, ge=1, le=128, title="Attention every", description="layers; others convolve")
        kernel_size: int = Field(3, ge=2, le=16, title="Convolution length", description="tokens")

    config: Config

    def transformers_config(self, text: TextShape) -> Lfm2Config:
        from transformers import Lfm2Config

        every = self.config.attention_every
        layers = ["full_attention" if (i + 1) % every == 0 else "conv" for i in range(self.config.num_layers)]
        return Lfm2Config(
            **self.config.common(text) | {"pad_token_id": text.eos_id},  # its embedding wants one
            layer_types=layers,
            conv_L_cache=self.config.kernel_size,
            block_auto_adjust_ff_dim=False,
        )
