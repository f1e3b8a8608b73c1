"""Config of the kind `diagnose` (torch-free)."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from chimera.refs import Ref
from chimera.typed import Config
from curriculum_app.core.schedule import Schedule
from training_app.core.checkpoint import Checkpoint
from training_app.core.configs import ObjectiveChoice


class DiagnoseConfig(Config):
    """Look along a schedule with one frozen model: how alike and how diverse the gradients of its stretches are."""

    name: str = Field(min_length=1, max_length=200, title="Name")
    checkpoint: Ref[Checkpoint] = Field(title="Checkpoint", description="best of a run on other text")
    schedule: Ref[Schedule] = Field(title="Schedule", description="the order that is looked along")
    chunks: int = Field(10, ge=2, le=50, title="Chunks", description="contiguous stretches of the schedule")
    chunk_sequences: int = Field(32, ge=2, le=65_536, title="Sequences a chunk", description="that are measured")
    batch_sequences: int = Field(4, ge=1, le=4096, title="Sequences a batch", description="of one stable rank")
    shuffles: int = Field(3, ge=1, le=20, title="Shuffles", description="of the same rows, to compare with")
    seed: int = Field(0, ge=0, lt=2**31, title="Seed", description="of the shuffles")
    objective: ObjectiveChoice = Field(default_factory=lambda: ObjectiveChoice(key="next_token"), title="Objective")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", title="Device", description="auto takes a GPU if present")
    threads: int = Field(1, ge=1, le=256, title="CPU threads")

    @model_validator(mode="after")
    def _chunks_hold_batches(self) -> Self:
        if self.chunk_sequences < 2 * self.batch_sequences:
            raise ValueError("a chunk needs at least two batches: raise its sequences, or make batches smaller")
        return self

    @property
    def chunk_batches(self) -> int:
        """Batches measured in each chunk."""
        return self.chunk_sequences // self.batch_sequences
