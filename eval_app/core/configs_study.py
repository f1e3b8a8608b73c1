"""Configs of the composite kinds `study` and `starter` (torch-free)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from chimera.refs import Ref
from chimera.typed import Config
from curriculum_app.core.benchmarks import Benchmark
from curriculum_app.core.configs_order import PolicyChoice
from curriculum_app.core.schedule import Schedule
from curriculum_app.core.sequences import SequenceTable
from training_app.core.averages.base import AverageChoice
from training_app.core.configs import LearningRateChoice, TrainSettings
from training_app.core.configs_average import MOST

PRIMARY_OUTCOME: Literal["held_out/macro"] = "held_out/macro"


def _distinct(seeds: list[int]) -> list[int]:
    if len(set(seeds)) != len(seeds):
        raise ValueError("a seed is listed twice: a repeated seed gives no new information")
    return seeds


Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
Seeds = Annotated[list[Seed], AfterValidator(_distinct)]


class ArmAverage(Config):
    """What is scored of an arm: not the last checkpoint of each run, but the mean of the last ones it has kept."""

    last: int = Field(default=6, ge=2, le=MOST, title="Last", description="checkpoints, the final one included")
    weights: AverageChoice = Field(
        default_factory=lambda: AverageChoice(key="ema"),
        title="Weights",
        description="from the checkpoint with the fewest tokens to the one with the most",
    )


class ArmConfig(Config):
    """One arm: a policy that is scheduled once per seed, or ready schedules, one per seed in the order of the seeds."""

    name: str = Field(title="Name", pattern=r"^[A-Za-z0-9][A-Za-z0-9 _-]{0,60}$")
    policy: PolicyChoice | None = Field(default=None, title="Policy")
    schedules: list[Ref[Schedule]] = Field(default_factory=list, title="Ready schedules", description="One per seed")
    learning_rate: LearningRateChoice | None = Field(
        default=None, title="Learning rate", description="Of this arm's runs, in the place of the study's"
    )
    average: ArmAverage | None = Field(
        default=None,
        title="Average of the last checkpoints",
        description="Scored in the place of the last one; needs runs that keep checkpoints",
    )

    @model_validator(mode="after")
    def _policy_or_schedules(self) -> ArmConfig:
        if (self.policy is None) == (not self.schedules):
            raise ValueError(f"arm {self.name!r} needs either a policy or ready schedules, not both and not neither")
        return self


class StudyConfig(Config):
    """Arms × seeds at one token budget over one pool; one primary outcome, named before the start."""

    name: str = Field(default="Does easy-to-hard order help?", title="Question", max_length=200)
    sequences: Ref[SequenceTable] = Field(title="Sequences", description="Tokenised, grouped and packed corpus")
    budget_tokens: int = Field(default=524_288, ge=1, title="Token budget", description="Tokens each run is shown")
    pool_seed: int = Field(
        default=0, ge=0, le=2**31 - 1, title="Pool seed", description="Draws the pool that every arm is shown"
    )
    arms: list[ArmConfig] = Field(
        default_factory=lambda: [
            ArmConfig(name="shuffled", policy=PolicyChoice(key="shuffle")),
            ArmConfig(name="easy-to-hard", policy=PolicyChoice(key="easy_to_hard")),
        ],
        min_length=2,
        max_length=20,
        title="Arms",
    )
    baseline: str = Field(default="shuffled", title="Baseline arm")
    seeds: Seeds = Field(
        default_factory=lambda: [1, 2, 3, 4, 5],
        min_length=1,
        max_length=100,
        title="Seeds",
        description="A seed fixes initialisation and evaluation items in every arm",
    )
    train: TrainSettings = Field(default_factory=TrainSettings, title="Training")
    primary_outcome: Literal["held_out/macro"] = Field(
        default=PRIMARY_OUTCOME, title="Primary outcome", description="Macro mean of held-out bits per byte"
    )
    alpha: float = Field(default=0.05, gt=0, lt=0.5, title="Significance level")

    def learning_rate_of(self, arm: ArmConfig) -> LearningRateChoice:
        """What the runs of an arm learn with."""
        return arm.learning_rate or self.train.learning_rate

    def trained_as(self, arm: ArmConfig) -> ArmConfig:
        """The first arm whose runs are this arm's too: arms that differ in their average alone are trained once."""

        def training(each: ArmConfig) -> tuple[object, ...]:
            return each.policy, each.schedules, self.learning_rate_of(each)

        return next(each for each in self.arms if training(each) == training(arm))

    @model_validator(mode="after")
    def _consistent(self) -> StudyConfig:
        names = [arm.name for arm in self.arms]
        if len(set(names)) != len(names):
            raise ValueError("two arms have the same name: rename one")
        if self.baseline not in names:
            raise ValueError(f"baseline {self.baseline!r} is not an arm: choose one of {', '.join(names)}")
        for arm in self.arms:
            if arm.schedules and len(arm.schedules) != len(self.seeds):
                raise ValueError(f"arm {arm.name!r} has {len(arm.schedules)} schedules for {len(self.seeds)} seeds")
            if arm.average is not None and not self.train.keep_every_steps:
                raise ValueError(f"arm {arm.name!r} averages checkpoints: set how many steps apart the runs keep one")
        return self


class StarterConfig(Config):
    """The starter study from the bundled corpus to the verdict."""

    scale: Literal["full", "test"] = Field(
        default="full", title="Scale", description="test: a slice of the corpus, 43 k parameters, two seeds"
    )
    seeds: Seeds = Field(default_factory=lambda: [1, 2, 3, 4, 5], min_length=1, max_length=100, title="Seeds")
    benchmarks: list[Ref[Benchmark]] = Field(
        default=[],
        title="Benchmarks",
        description="The corpus is kept free of them. Left out of the config: every benchmark of the project.",
        json_schema_extra={"left_out": "every"},
    )
