"""Configs of the leaf kinds `evaluate` and `register-task` (torch-free)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator, model_validator

from chimera.errors import InputError, NestedProblems, Problem
from chimera.refs import Ref
from chimera.typed import Config
from curriculum_app.core.benchmarks import Benchmark
from curriculum_app.core.sequences import SequenceTable
from eval_app.core.task_file import TaskFile
from eval_app.core.tasks.bundled import bundled_suites, bundled_tasks
from eval_app.core.tasks.definition import read_definition
from training_app.core.checkpoint import Checkpoint

if TYPE_CHECKING:
    SuiteKey = str
    TaskKey = str
else:
    SuiteKey = Literal[tuple(bundled_suites())]
    TaskKey = Literal[tuple(bundled_tasks())]


class TasksConfig(Config):
    """Which tasks, on which items."""

    suite: SuiteKey = Field("none", title="Suite", description="Tasks that belong together")
    tasks: list[TaskKey] = Field(default_factory=list, title="Further tasks", description="Those that are bundled")
    own_tasks: list[Ref[TaskFile]] = Field(default_factory=list, title="Your tasks", description="Registered by you")
    benchmarks: list[Ref[Benchmark]] = Field(
        default=[],
        title="Items from",
        description="Left out of the config: the newest version of every benchmark of the project.",
        json_schema_extra={"left_out": "every"},
    )
    limit: int | None = Field(
        200, ge=1, title="Items of a task at most", description="Drawn by the seed. Empty asks them all."
    )
    items_seed: int = Field(0, ge=0, le=2**31 - 1, title="Seed of the items", description="Also draws the examples")

    @property
    def asks(self) -> bool:
        """Whether there is any task to run."""
        return bool(self.tasks or self.own_tasks or bundled_suites()[self.suite].tasks)


class WatchConfig(TasksConfig):
    """What every checkpoint that a run keeps is asked."""

    held_out: bool = Field(False, title="Held-out text too", description="The run scores it itself as it goes")

    @model_validator(mode="after")
    def _something(self) -> WatchConfig:
        if not self.asks and not self.held_out:
            raise ValueError("there is nothing to score: choose a suite, tasks, or held-out text")
        return self


class EvaluateConfig(TasksConfig):
    """Score a checkpoint on held-out text, on tasks, or on both."""

    name: str = Field(min_length=1, max_length=200, title="Name")
    checkpoint: Ref[Checkpoint] = Field(title="Checkpoint", description="The model to score")
    sequences: Ref[SequenceTable] | None = Field(
        None, title="Sequences", description="Whose held-out text to score it on"
    )
    window_tokens: int | None = Field(
        None,
        ge=1,
        le=131_072,
        title="Window of held-out text",
        description="Tokens of a text the model reads at once. Empty: as in training on these sequences.",
    )
    context_tokens: int = Field(
        1, ge=1, le=65_536, title="Context", description="Tokens before each that is scored, at least."
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", title="Device", description="auto takes a GPU if present")
    threads: int = Field(1, ge=1, le=256, title="CPU threads")

    @model_validator(mode="after")
    def _something(self) -> EvaluateConfig:
        if self.sequences is None and not self.asks:
            raise ValueError("there is nothing to score: choose sequences with held-out text, a suite, or tasks")
        if self.window_tokens is not None and self.context_tokens > self.window_tokens:
            raise NestedProblems([Problem("more than the window holds", "context_tokens", hint="lower it")])
        return self


class TaskFileConfig(Config):
    """Keep a task of your own: a YAML text in lm-eval's format."""

    name: str = Field(min_length=1, max_length=200, title="Name")
    definition: str = Field(
        min_length=1,
        max_length=100_000,
        title="Definition",
        description="YAML, as lm-eval's tasks",
        json_schema_extra={"multiline": True},
    )

    @field_validator("definition")
    @classmethod
    def _readable(cls, text: str) -> str:
        try:
            read_definition(text)
        except InputError as error:
            raise NestedProblems(error.problems) from error
        return text.strip() + "\n"  # a form strips texts; the same file must be the same task at every door
