"""Config of the leaf kind `evaluate` (torch-free)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from chimera.refs import Ref
from chimera.typed import Config
from curriculum_app.core.sequences import SequenceTable
from training_app.core.checkpoint import Checkpoint


class EvaluateConfig(Config):
    """Score a checkpoint on the held-out text of sequences made with the same tokenizer."""

    name: str = Field(min_length=1, max_length=200, title="Name")
    checkpoint: Ref[Checkpoint] = Field(title="Checkpoint", description="The model to score")
    sequences: Ref[SequenceTable] = Field(title="Sequences", description="Whose held-out text to score it on")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", title="Device", description="auto takes a GPU if present")
    threads: int = Field(1, ge=1, le=256, title="CPU threads")
