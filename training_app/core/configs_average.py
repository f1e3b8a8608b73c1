"""Config of the kind `average` (torch-free)."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from chimera.refs import Ref
from chimera.typed import Config
from training_app.core.averages.base import AverageChoice
from training_app.core.checkpoint import Checkpoint

MOST = 100  # checkpoints in one average


class AverageConfig(Config):
    """One model from several: the mean of their weights."""

    name: str = Field(min_length=1, max_length=200, title="Name")
    checkpoints: list[Ref[Checkpoint]] = Field(
        default_factory=list, max_length=MOST, title="Checkpoints",
        description="two or more of one architecture and tokenizer, or none, and a run instead",
    )  # fmt: skip
    run: str | None = Field(
        None, pattern=r"^run-[1-9][0-9]{0,17}$", title="Or a run",
        description="such as run-3: the last checkpoints that it has kept, its final one included",
    )  # fmt: skip
    last: int = Field(6, ge=2, le=MOST, title="Last", description="how many checkpoints of the run")
    weights: AverageChoice = Field(
        default_factory=lambda: AverageChoice(key="ema"), title="Weights",
        description="from the checkpoint with the fewest tokens to the one with the most",
    )  # fmt: skip
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", title="Device", description="of the evaluation; auto takes a GPU if present"
    )
    threads: int = Field(1, ge=1, le=256, title="CPU threads")

    @model_validator(mode="after")
    def _names_checkpoints(self) -> Self:
        """What a run's checkpoints are is settled before (see `services.averages`): a stored config names each."""
        if self.run is not None:
            raise ValueError("name checkpoints or a run, not both")
        if len(self.checkpoints) < 2:
            raise ValueError("name two or more checkpoints, or a run that has kept as many")
        if len(set(self.checkpoints)) < len(self.checkpoints):
            raise ValueError("a checkpoint is named twice")
        return self
