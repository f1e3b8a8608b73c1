"""What a training run is made of (pure, torch-free: the forms and the API read it)."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from chimera.refs import Ref
from chimera.registry import Choice, Registry
from chimera.typed import Config
from curriculum_app.core.schedule import Schedule
from training_app.core.learning_rate import LearningRateConfig
from training_app.core.probes.base import PROBES


class ModelConfig(Config):
    """A Llama-architecture model; the vocabulary and the context length come from the sequences it is trained on."""

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


STARTER = ModelConfig()  # 1,066,112 parameters at a vocabulary of 2,048
TINY = ModelConfig(hidden_size=32, num_layers=2, num_heads=2, intermediate_size=96)  # 43,168 at 512


class OptimizerConfig(Config):
    """AdamW (Loshchilov & Hutter, arXiv 1711.05101)."""

    beta1: float = Field(0.9, ge=0, lt=1, title="Beta 1")
    beta2: float = Field(0.99, ge=0, lt=1, title="Beta 2")
    epsilon: float = Field(1e-8, gt=0, le=1e-2, title="Epsilon")
    weight_decay: float = Field(0.1, ge=0, le=10, title="Weight decay", description="matrices only; never norms")
    clip_norm: float = Field(1.0, gt=0, title="Gradient clipping", description="largest global gradient norm")


class ProbeChoice(Choice):
    """A probe and its cadence."""

    @classmethod
    def registry(cls) -> Registry[Any]:
        return PROBES


def default_probes() -> list[ProbeChoice]:
    return [ProbeChoice(key=key) for key in ("attention_entropy", "stable_rank", "token_entropy")]


class TrainSettings(Config):
    """How a run learns and what it measures on the way: everything but its data order and its seed."""

    model: ModelConfig = Field(default_factory=ModelConfig, title="Model")
    batch_sequences: int = Field(4, ge=1, le=4096, title="Sequences a step")
    learning_rate: LearningRateConfig = Field(default_factory=LearningRateConfig, title="Learning rate")
    optimizer: OptimizerConfig = Field(default_factory=OptimizerConfig, title="Optimizer")
    evaluate_every: int = Field(256, ge=0, title="Evaluate every", description="steps; 0 means only at the end")
    probes: list[ProbeChoice] = Field(default_factory=default_probes, title="Probes")
    checkpoint_every_seconds: float = Field(60.0, gt=0, title="Checkpoint every (seconds)")
    checkpoint_every_steps: int = Field(0, ge=0, title="Checkpoint every (steps)", description="0: by time only")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", title="Device", description="auto takes a GPU if present")
    threads: int = Field(1, ge=1, le=256, title="CPU threads", description="results are bit-equal per thread count")


class TrainConfig(TrainSettings):
    """One run: a schedule, a seed, a model, how to optimise it, and what to measure on the way."""

    name: str = Field(min_length=1, max_length=200, title="Name")
    schedule: Ref[Schedule] = Field(title="Schedule", description="the order of sequences to train on")
    seed: int = Field(0, ge=0, lt=2**31, title="Seed", description="of the initial weights")
    group: str = Field("", max_length=200, title="Group", description="runs of one arm share a group")

    def recipe(self) -> dict[str, Any]:
        """The config without what cannot change the weights: labels, probes and cadences."""
        labels = {"name", "group", "probes", "evaluate_every", "checkpoint_every_seconds", "checkpoint_every_steps"}
        return {key: value for key, value in self.as_json().items() if key not in labels}
