"""What the portfolio predicts for (pure)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from chimera.typed import Config
from training_app.core.footprint import Method, Setting


class PredictConfig(Config):
    """A training step whose memory and time are to be predicted for every model."""

    memory_gb: float = Field(16.0, gt=0, le=100_000, title="Memory (GB)", description="does it fit into this much?")
    length: int = Field(256, ge=2, le=1_000_000, title="Sequence length", description="tokens")
    sequences: int = Field(4, ge=1, le=4096, title="Sequences at once")
    parts: int = Field(1, ge=1, le=4096, title="Parts a step", description="gradients accumulate over them")
    rank: int = Field(8, ge=1, le=1024, title="LoRA rank", description="on the four attention projections")
    precision: Literal["float32", "bf16"] = Field("float32", title="Precision")
    checkpointing: bool = Field(False, title="Gradient checkpointing")

    def setting(self, method: Method, device: str) -> Setting:
        return Setting(
            method, self.length, self.sequences, self.parts, self.rank, self.precision, self.checkpointing,
            "cuda" if device == "cuda" else "cpu",
        )  # fmt: skip
