"""What a training run is made of (pure, torch-free: the forms and the API read it)."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from chimera.refs import Ref
from chimera.registry import Choice, Registry
from chimera.typed import Config
from curriculum_app.core.schedule import Schedule
from training_app.core.adapters.base import ADAPTERS
from training_app.core.architectures.base import ARCHITECTURES
from training_app.core.checkpoint import Checkpoint
from training_app.core.learning_rates.base import LEARNING_RATES
from training_app.core.objectives.base import OBJECTIVES
from training_app.core.probes.base import PROBES


class ModelChoice(Choice):
    """An architecture and its sizes."""

    @classmethod
    def registry(cls) -> Registry[Any]:
        return ARCHITECTURES


STARTER = ModelChoice(key="llama")  # 1,066,112 parameters at a vocabulary of 2,048
TINY = ModelChoice(
    key="llama", config={"hidden_size": 32, "num_layers": 2, "num_heads": 2, "intermediate_size": 96}
)  # 43,168 at 512


class LearningRateChoice(Choice):
    """A learning-rate schedule and its settings."""

    @classmethod
    def registry(cls) -> Registry[Any]:
        return LEARNING_RATES


class ObjectiveChoice(Choice):
    """What the loss is."""

    @classmethod
    def registry(cls) -> Registry[Any]:
        return OBJECTIVES


class ProbeChoice(Choice):
    """A probe and its cadence."""

    @classmethod
    def registry(cls) -> Registry[Any]:
        return PROBES


class AdapterChoice(Choice):
    """Which weights move."""

    @classmethod
    def registry(cls) -> Registry[Any]:
        return ADAPTERS


class OptimizerConfig(Config):
    """AdamW (Loshchilov & Hutter, arXiv 1711.05101)."""

    beta1: float = Field(0.9, ge=0, lt=1, title="Beta 1")
    beta2: float = Field(0.99, ge=0, lt=1, title="Beta 2")
    epsilon: float = Field(1e-8, gt=0, le=1e-2, title="Epsilon")
    weight_decay: float = Field(0.1, ge=0, le=10, title="Weight decay", description="matrices only; never norms")
    clip_norm: float = Field(1.0, gt=0, title="Gradient clipping", description="largest global gradient norm")


# Sections of the form, closed until they are asked for.
CHECKPOINTS: dict[str, Any] = {"section": "Checkpoints and faults"}
HARDWARE: dict[str, Any] = {"section": "Hardware and memory"}


def default_probes() -> list[ProbeChoice]:
    keys = ("attention_entropy", "group_loss", "memory", "norms", "stable_rank", "token_entropy")
    return [ProbeChoice(key=key) for key in keys]


class TrainSettings(Config):
    """How a run learns and what it measures on the way: everything but its data order and its seed."""

    batch_sequences: int = Field(4, ge=1, le=4096, title="Sequences a step")
    evaluate_every: int = Field(256, ge=0, title="Evaluate every", description="steps; 0 means only at the end")
    probes: list[ProbeChoice] = Field(default_factory=default_probes, title="Probes")
    model: ModelChoice = Field(
        default_factory=lambda: STARTER, title="Model", description="of a run from scratch; a base brings its own"
    )
    adapter: AdapterChoice = Field(default_factory=lambda: AdapterChoice(key="none"), title="Adapter")
    objective: ObjectiveChoice = Field(default_factory=lambda: ObjectiveChoice(key="next_token"), title="Objective")
    learning_rate: LearningRateChoice = Field(
        default_factory=lambda: LearningRateChoice(key="cosine"), title="Learning rate"
    )
    optimizer: OptimizerConfig = Field(default_factory=OptimizerConfig, title="Optimizer")
    max_non_finite: int = Field(
        1, ge=1, le=1000, title="Stop after steps without a number", json_schema_extra=CHECKPOINTS,
        description="in a row; a step whose loss or gradient is NaN or infinite changes no weight",
    )  # fmt: skip
    checkpoint_every_seconds: float = Field(
        60.0, gt=0, title="Resume point every (seconds)", json_schema_extra=CHECKPOINTS
    )
    checkpoint_every_steps: int = Field(
        0, ge=0, title="Resume point every (steps)", description="0: by time only", json_schema_extra=CHECKPOINTS
    )
    keep_every_steps: int = Field(
        0, ge=0, title="Keep a checkpoint every (steps)", json_schema_extra=CHECKPOINTS,
        description="for good, to fork, average or chat; 0: the last only",
    )  # fmt: skip
    keep_moments: bool = Field(
        False, title="Keep the optimizer's state too", json_schema_extra=CHECKPOINTS,
        description="in kept checkpoints, three times their size",
    )  # fmt: skip
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", title="Device", description="auto takes a GPU if present", json_schema_extra=HARDWARE
    )
    threads: int = Field(
        1, ge=1, le=256, title="CPU threads", json_schema_extra=HARDWARE,
        description="results are bit-equal per thread count",
    )  # fmt: skip
    processes: int = Field(
        1, ge=0, le=64, title="Processes", json_schema_extra=HARDWARE,
        description="share the rows of every step, a GPU each; 0: as many as the worker has GPUs",
    )  # fmt: skip
    precision: Literal["float32", "bf16"] = Field(
        "float32", title="Precision", json_schema_extra=HARDWARE,
        description="bf16: matrix products in bfloat16, weights and sums in float32",
    )  # fmt: skip
    micro_batch_sequences: int = Field(
        0, ge=0, le=4096, title="Sequences at once", json_schema_extra=HARDWARE,
        description="gradients accumulate over a step's parts; 0: all",
    )  # fmt: skip
    gradient_checkpointing: bool = Field(
        False, title="Gradient checkpointing", json_schema_extra=HARDWARE,
        description="compute activations twice to hold fewer of them",
    )  # fmt: skip
    compile: bool = Field(
        False, title="Compile", json_schema_extra=HARDWARE,
        description="torch.compile: slow start, faster steps on a GPU",
    )  # fmt: skip

    @model_validator(mode="before")
    @classmethod
    def _upgrade(cls, value: Any) -> Any:
        """Configs stored before architectures and learning rates were extensions, read as what they meant."""
        if not isinstance(value, dict):
            return value
        model, rate = value.get("model"), value.get("learning_rate")
        if isinstance(model, dict) and "key" not in model:
            value = {**value, "model": {"key": "llama", "config": model}}
        if isinstance(rate, dict) and "key" not in rate:
            value = {**value, "learning_rate": _old_rate(rate)}
        return value


def _old_rate(rate: dict[str, Any]) -> dict[str, Any]:
    """`{"shape": "wsd", …}` as it stood for all shapes; entries that a shape never read are left out."""
    key = str(rate.get("shape", "cosine"))
    unread = {"cosine": {"decay_fraction"}, "constant": {"decay_fraction", "final_fraction"}}.get(key, set())
    return {"key": key, "config": {name: v for name, v in rate.items() if name not in {"shape", *unread}}}


class TrainConfig(TrainSettings):
    """One run: a schedule, a seed, a model, how to optimise it, and what to measure on the way."""

    name: str = Field(min_length=1, max_length=200, title="Name")
    schedule: Ref[Schedule] = Field(title="Schedule", description="the order of sequences to train on")
    seed: int = Field(0, ge=0, lt=2**31, title="Seed", description="of the initial weights")
    group: str = Field("", max_length=200, title="Group", description="runs of one arm share a group")
    base: Ref[Checkpoint] | None = Field(
        None, title="Base", description="a checkpoint to go on from; none: a new model as described below"
    )
    first_row: int = Field(
        0, ge=0, title="First row", description="of the schedule; a fork goes on where its checkpoint stood"
    )
    carry_moments: bool = Field(
        False, title="Carry the optimizer's state on", description="that of the base, which must hold it"
    )

    @model_validator(mode="after")
    def _adapter_has_a_base(self) -> Self:
        if self.base is None and self.adapter.registry().get(self.adapter.key).cls.needs_base:
            raise ValueError(f"the adapter {self.adapter.key} needs a base: choose a checkpoint, or train all weights")
        if self.base is None and self.carry_moments:
            raise ValueError("only a base has an optimizer's state to carry on")
        return self

    def recipe(self) -> dict[str, Any]:
        """The config without what cannot change the weights: labels, probes and cadences."""
        labels = {"name", "group", "probes", "evaluate_every", "checkpoint_every_seconds", "checkpoint_every_steps",
                  "keep_every_steps", "keep_moments"}  # fmt: skip
        return {key: value for key, value in self.as_json().items() if key not in labels}
