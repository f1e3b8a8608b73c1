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
from eval_app.core.configs_evaluate import TasksConfig
from eval_app.core.verdicts.outcome import Outcome
from eval_app.core.verdicts.stopping import CARRIES_A_VERDICT, EarlyStop
from training_app.core.averages.base import AverageChoice
from training_app.core.configs import LearningRateChoice, ModelChoice, TrainSettings
from training_app.core.configs_average import MOST

CONTROL = " shuffled"  # ends the name of an arm that shuffles what another one was shown


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
    """One arm: a policy that is scheduled once per seed; or ready schedules, one per seed in the order of the seeds; or
    what another arm was shown, shuffled."""

    name: str = Field(title="Name", pattern=r"^[A-Za-z0-9][A-Za-z0-9 _-]{0,60}$")
    policy: PolicyChoice | None = Field(default=None, title="Policy")
    schedules: list[Ref[Schedule]] = Field(default_factory=list, title="Ready schedules", description="One per seed")
    shuffled_of: str = Field(
        default="",
        title="Shuffled of",
        description="An arm: its sequences, as often as it shows them, in random order. Parts selection from order.",
    )
    learning_rate: LearningRateChoice | None = Field(
        default=None, title="Learning rate", description="Of this arm's runs, in the place of the study's"
    )
    average: ArmAverage | None = Field(
        default=None,
        title="Average of the last checkpoints",
        description="Scored in the place of the last one; needs runs that keep checkpoints",
    )
    sequences: Ref[SequenceTable] | None = Field(
        default=None,
        title="Sequences",
        description="Of this arm, in the place of the study's: other data, or the same in another form",
    )
    model: ModelChoice | None = Field(
        default=None, title="Model", description="Of this arm, in the place of the study's"
    )
    budget_factor: float = Field(
        default=1.0,
        ge=0.1,
        le=100.0,
        title="Budget factor",
        description="Times the study's tokens. An arm with another budget is a yardstick, and never the winner.",
    )
    budget_tokens: int | None = Field(
        default=None,
        ge=1,
        title="Tokens",
        description="Of this arm's runs. Where compute is matched it is filled in when the study starts.",
    )

    @model_validator(mode="after")
    def _one_source(self) -> ArmConfig:
        given = [self.policy is not None, bool(self.schedules), bool(self.shuffled_of)]
        if sum(given) != 1:
            raise ValueError(
                f"arm {self.name!r} needs either a policy or ready schedules or an arm to shuffle, one of the three"
            )
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
    primary_outcome: Outcome = Field(
        default_factory=Outcome,
        title="Primary outcome",
        description="Named before the start; it alone makes the verdict",
    )
    secondary_outcomes: list[Outcome] = Field(
        default_factory=list,
        max_length=50,
        title="Secondary outcomes",
        description="Beside the domains of the held-out text, which are always listed. They never make the verdict.",
    )
    alpha: float = Field(default=0.05, gt=0, lt=0.5, title="Significance level")
    early_stop: EarlyStop | None = Field(
        default=None, title="Early stop", description="Looks before the last seed, declared here or not at all"
    )
    match: Literal["tokens", "compute"] = Field(
        default="tokens",
        title="Match",
        description="What is equal in all arms. compute: 6 operations per parameter and token.",
    )
    order_control: bool = Field(
        default=False,
        title="Order control",
        description="For every arm that selects or repeats, one more that shuffles what it shows.",
    )
    held_out: Ref[SequenceTable] | None = Field(
        default=None,
        title="Common held-out text",
        description="Sequences whose held-out text all arms are scored on; needed where arms have their own sequences",
    )

    tasks: TasksConfig | None = Field(
        default=None,
        title="Tasks",
        description="Asked of every run when it has ended; <task>/<metric> can then be an outcome",
    )

    @property
    def evaluated(self) -> bool:
        """Whether every run is evaluated when it has ended."""
        return self.held_out is not None or (self.tasks is not None and self.tasks.asks)

    @property
    def scored_on(self) -> Ref[SequenceTable]:
        """The sequences whose held-out text the arms are scored on."""
        return self.held_out or self.sequences

    def arm(self, name: str) -> ArmConfig:
        """The arm of that name, which there is."""
        return next(each for each in self.arms if each.name == name)

    def sequences_of(self, arm: ArmConfig) -> Ref[SequenceTable]:
        """What an arm's schedules are made of."""
        return arm.sequences or self.sequences

    def tokens_of(self, arm: ArmConfig) -> int:
        """What each run of an arm is shown."""
        return int((arm.budget_tokens or self.budget_tokens) * arm.budget_factor)

    def learning_rate_of(self, arm: ArmConfig) -> LearningRateChoice:
        """What the runs of an arm learn with."""
        return arm.learning_rate or self.train.learning_rate

    def trained_as(self, arm: ArmConfig) -> ArmConfig:
        """The first arm whose runs are this arm's too: arms that differ in their average alone are trained once."""

        def training(each: ArmConfig) -> tuple[object, ...]:
            rate, model = self.learning_rate_of(each), each.model or self.train.model
            source = each.policy, each.schedules, each.shuffled_of
            return *source, rate, model, self.sequences_of(each), self.tokens_of(each)

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
            self._require_shown(arm)
        self._require_looks()
        return self

    def _require_shown(self, arm: ArmConfig) -> None:
        """What an arm says of its data can be done."""
        source = next((each for each in self.arms if each.name == arm.shuffled_of), None)
        if arm.shuffled_of and (source is None or source.shuffled_of):
            raise ValueError(f"arm {arm.name!r} shuffles {arm.shuffled_of!r}: name an arm with a policy or schedules")
        if arm.name == self.baseline and arm.budget_factor != 1:
            raise ValueError(f"the baseline {arm.name!r} is what budgets are measured by: its factor is 1")
        if arm.sequences is not None and arm.sequences != self.sequences and self.held_out is None:
            raise ValueError(f"arm {arm.name!r} has sequences of its own: choose a common held-out text for all arms")

    def _require_looks(self) -> None:
        """Looks are in order and before the last seed."""
        looks = self.early_stop.looks if self.early_stop else []
        if looks != sorted(set(looks)):
            raise ValueError("the looks must ascend: a look is named by its number of seeds")
        if looks and (looks[0] < CARRIES_A_VERDICT or looks[-1] >= len(self.seeds)):
            raise ValueError(
                f"a look is after {CARRIES_A_VERDICT} to {len(self.seeds) - 1} of the {len(self.seeds)} seeds: fewer "
                "carry no verdict, and the last look is always at all of them"
            )


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
