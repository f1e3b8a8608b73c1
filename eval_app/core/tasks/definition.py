"""A task as a YAML file: lm-evaluation-harness's format with a block of ours under `metadata` (torch-free).

What lm-eval says with `dataset_path` is said here by `metadata.items`: the name under which the records of a registered
benchmark are filed. So a task says how to ask, a benchmark holds what is asked, and neither names a file.
"""

from __future__ import annotations

from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError, field_validator

from chimera.errors import InputError, Problem, problems_of
from chimera.typed import Config
from eval_app.core.item_sources.base import ItemSourceChoice, MadeItems
from eval_app.core.scorers.base import ScorerChoice

OutputType = Literal["multiple_choice", "loglikelihood", "loglikelihood_rolling", "generate_until"]


class TaskFacts(Config):
    """What Chimera adds: where the items come from, how answers are scored, what chance gives, what is tested."""

    title: str = Field("", title="Title", max_length=120)
    version: float = Field(1, title="Version", description="Raise it when equal items would get other prompts")
    items: str = Field("", title="Items", description="The task of a registered benchmark; empty: the task's own name")
    source: str = Field("", title="Source", description="Paper or repository, as it would be cited")
    generator: ItemSourceChoice | None = Field(
        None, title="Generator", description="Makes the items, where no registered benchmark has them"
    )
    scorer: ScorerChoice | None = Field(None, title="Scorer", description="Left out: the one of the output type")
    chance: float | None = Field(None, ge=0, lt=1, title="Chance", description="Share right by guessing; null: none")
    skills: list[str] = Field(default_factory=list, title="Skills", description="Nodes of the taxonomy, by slug path")
    pool: int | None = Field(None, ge=1, title="Items it has", description="How many the whole benchmark has")


class TaskDefinition(Config):
    """One task. Fields without a comment are lm-eval's (docs/task_guide.md there, version 0.4.13)."""

    task: str = Field(pattern=r"^[a-z0-9][a-z0-9_]{0,60}$", title="Task")
    output_type: OutputType = "multiple_choice"
    description: str = ""
    doc_to_text: str = "{{question}}"
    doc_to_target: str | int | list[str] = "answer"
    doc_to_choice: str | list[str] | None = None
    target_delimiter: str = " "
    fewshot_delimiter: str = "\n\n"
    num_fewshot: int = Field(0, ge=0, le=100)
    generation_kwargs: dict[str, Any] | None = None
    filter_list: list[dict[str, Any]] | None = None
    repeats: int = Field(1, ge=1, le=1000)
    metadata: TaskFacts = Field(default_factory=TaskFacts)

    @field_validator("generation_kwargs")
    @classmethod
    def _plain(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        for name in value or {}:
            if name not in ("until", "max_gen_toks", "temperature", "top_p", "do_sample"):
                raise ValueError(f"{name!r} is not one of until, max_gen_toks, temperature, top_p, do_sample")
        return value

    @property
    def title(self) -> str:
        return self.metadata.title or self.task

    @property
    def items_task(self) -> str:
        """Under which task the items are filed in registered benchmarks."""
        return self.metadata.items or self.task

    @property
    def made_items(self) -> MadeItems | None:
        """The items that the task makes itself, None if they are registered."""
        return MadeItems(self.items_task, self.metadata.generator) if self.metadata.generator else None

    @property
    def scorer(self) -> ScorerChoice:
        """The scorer named, else the usual one of the output type."""
        return self.metadata.scorer or ScorerChoice(key=_USUAL[self.output_type])


_USUAL = {
    "multiple_choice": "choices",
    "loglikelihood": "continuation",
    "loglikelihood_rolling": "perplexity",
    "generate_until": "exact_match",
}


def read_definition(text: str, file: str = "") -> TaskDefinition:
    """The task that a YAML text describes.

    Raises:
        InputError: no YAML, or a wrong field; the problem names file, line and field.
    """
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else None
        raise InputError(Problem(f"this is no YAML: {error}", file=file, line=line)) from error
    if not isinstance(value, dict):
        hint = "a task is a mapping such as `task: piqa`"
        raise InputError(Problem("the file holds no mapping", file=file, hint=hint))
    try:
        return TaskDefinition.model_validate(value)
    except ValidationError as error:
        raise InputError([_placed(problem, text, file) for problem in problems_of(error)]) from error


def _placed(problem: Problem, text: str, file: str) -> Problem:
    """With the line on which the field begins."""
    first, _, rest = problem.field.partition(".")
    lines = text.splitlines()
    line = next((n for n, each in enumerate(lines, 1) if each.startswith(f"{first}:")), None)
    second = rest.split(".")[0]
    if line and second:
        line = next((n for n, each in enumerate(lines[line:], line + 1) if each.strip().startswith(f"{second}:")), line)
    return Problem(problem.message, field=problem.field, file=file, line=line, hint=problem.hint)
