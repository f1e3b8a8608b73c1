"""Config of the composite kind `phases`: runs one after another, each with data and an objective of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from chimera.errors import NestedProblems, Problem
from chimera.refs import Ref
from chimera.typed import Config
from curriculum_app.core.configs_order import PolicyChoice
from curriculum_app.core.sequences import SequenceTable
from training_app.core.checkpoint import Checkpoint
from training_app.core.configs import LearningRateChoice, ObjectiveChoice, TrainSettings

METRICS = ("held_out_macro", "last_loss")
OF_DOMAIN = "held_out/"


class PhaseGate(Config):
    """What the run of a phase must have reached for the next phase to begin."""

    metric: str = Field(
        "held_out_macro",
        title="Metric",
        description="of the finished run: held_out_macro, held_out/<domain> (bits per byte), or last_loss",
    )
    must_be: Literal["below", "above"] = Field("below", title="Must be")
    value: float = Field(title="Value")

    @field_validator("metric")
    @classmethod
    def _is_in_the_summary(cls, metric: str) -> str:
        if metric not in METRICS and not (metric.startswith(OF_DOMAIN) and metric != OF_DOMAIN):
            raise ValueError(f"a finished run has no {metric!r}: use {', '.join(METRICS)} or {OF_DOMAIN}<domain>")
        return metric

    @property
    def domain(self) -> str:
        """The domain whose held-out score is asked for; "" if it is no domain's."""
        return self.metric.removeprefix(OF_DOMAIN) if self.metric.startswith(OF_DOMAIN) else ""

    def failed(self, summary: Mapping[str, Any]) -> str:
        """What is wrong with the summary of a run, in words; "" where it is as it must be. No number never is."""
        value = summary["held_out"].get(self.domain) if self.domain else summary.get(self.metric)
        if value is None:
            return f"{self.metric} was not measured"
        good = value < self.value if self.must_be == "below" else value > self.value
        return "" if good else f"{self.metric} is {value:.6g}, not {self.must_be} {self.value:g}"


class TrainingPhaseConfig(Config):
    """One phase: what is shown, in which order, and what is learnt from it."""

    name: str = Field(title="Name", pattern=r"^[A-Za-z0-9][A-Za-z0-9 _-]{0,60}$")
    sequences: Ref[SequenceTable] = Field(
        title="Sequences", description="text, conversations or pairs, cut with the tokenizer of the first phase's model"
    )
    policy: PolicyChoice = Field(default_factory=lambda: PolicyChoice(key="shuffle"), title="Policy")
    budget_tokens: int = Field(title="Token budget", description="Tokens this phase shows", ge=1)
    pool_seed: int = Field(0, title="Pool seed", description="Which sequences are drawn", ge=0, le=2**31 - 1)
    objective: ObjectiveChoice | None = Field(
        None, title="Objective", description="In the place of the one under Training"
    )
    learning_rate: LearningRateChoice | None = Field(
        None, title="Learning rate", description="In the place of the one under Training"
    )
    gate: PhaseGate | None = Field(None, title="Gate", description="Not passed, the chain ends after this phase")


class PhasesConfig(Config):
    """Runs one after another: each phase goes on from the checkpoint of the one before."""

    name: str = Field(min_length=1, max_length=120, title="Name")
    phases: list[TrainingPhaseConfig] = Field(min_length=1, max_length=12, title="Phases")
    base: Ref[Checkpoint] | None = Field(
        None, title="Base", description="What the first phase goes on from; none: a new model as described below"
    )
    train: TrainSettings = Field(default_factory=TrainSettings, title="Training", description="Of all phases")
    seed: int = Field(0, title="Seed", description="Of initial weights and of orders", ge=0, le=2**31 - 1)

    @field_validator("phases")
    @classmethod
    def _named_apart(cls, phases: list[TrainingPhaseConfig]) -> list[TrainingPhaseConfig]:
        names = [phase.name for phase in phases]
        for index, name in enumerate(names):
            if name in names[:index]:
                said = f"two phases have the name {name!r}: rename one"
                raise NestedProblems([Problem(said, field=f"{index}.name")])
        return phases

    @model_validator(mode="after")
    def _adapter_has_a_base(self) -> Self:
        adapter = self.train.adapter
        if self.base is None and adapter.registry().get(adapter.key).cls.needs_base:
            said = f"the adapter {adapter.key} needs a base: choose a checkpoint, or train all weights"
            raise NestedProblems([Problem(said, field="base")])
        return self

    def objective_of(self, phase: TrainingPhaseConfig) -> ObjectiveChoice:
        """What is learnt in a phase."""
        return phase.objective or self.train.objective

    def learning_rate_of(self, phase: TrainingPhaseConfig) -> LearningRateChoice:
        """What a phase learns with."""
        return phase.learning_rate or self.train.learning_rate
