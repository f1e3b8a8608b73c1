"""Config of the kind `judge-pairs` (torch-free)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from chimera.refs import Ref
from chimera.typed import Config
from eval_app.core.evaluation import Evaluation
from training_app.core.checkpoint import Checkpoint


class JudgeConfig(Config):
    """Let a checkpoint say which of two answers is better."""

    candidate: Ref[Evaluation] = Field(title="Report", description="Whose answers are to be better")
    baseline: Ref[Evaluation] = Field(title="Baseline", description="The report it is compared with")
    task: str = Field(min_length=1, max_length=80, title="Task", description="With generated answers in both reports")
    judge: Ref[Checkpoint] = Field(title="Judge", description="Asked in both orders; a model that follows instructions")
    limit: int | None = Field(200, ge=1, title="Items at most", description="The first ones. Empty judges them all.")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", title="Device", description="auto takes a GPU if present")
    threads: int = Field(1, ge=1, le=256, title="CPU threads")

    @model_validator(mode="after")
    def _two(self) -> JudgeConfig:
        if self.candidate == self.baseline:
            raise ValueError("a report cannot be its own baseline: choose another one")
        return self
