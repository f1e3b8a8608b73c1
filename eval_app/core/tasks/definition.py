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

Format = Literal["", "choices", "answers", "query", "continuation", "schema"]
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
    format: Format = Field("", title="Records", description="Which fields a record has; says how items are added")
    file: str = Field("", title="File", description="Where such a file of items is found")
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


FORMATS: dict[Format, str] = {
    "": "JSON lines with the fields that its templates name",
    "choices": "JSON lines with question, choices (a list), answer (index of the right choice, from 0) and, where "
    "there is one, context",
    "answers": "JSON lines with question and answers (a list of accepted texts)",
    "query": "MosaicML ICL JSON lines with query, choices (a list) and gold (index of the right choice, from 0)",
    "continuation": "MosaicML ICL JSON lines with context and continuation",
    "schema": "MosaicML ICL JSON lines with context_options (a list), continuation and gold (index of the right one)",
}


def how_to_add(definition: TaskDefinition) -> str:
    """What to register so that the task can be run: name, kind of file, source."""
    facts = definition.metadata
    where = f", for example {facts.file}" if facts.file else f" ({facts.source})" if facts.source else ""
    return (
        f"no registered benchmark has items of the task {definition.items_task!r}: register a benchmark named "
        f"{definition.items_task!r}, {FORMATS[facts.format]}{where}"
    )


_USUAL = {
    "multiple_choice": "choices",
    "loglikelihood": "continuation",
    "loglikelihood_rolling": "perplexity",
    "generate_until": "exact_match",
}


_IGNORED = {
    **dict.fromkeys(("dataset_path", "dataset_name", "dataset_kwargs"), "items come from registered benchmarks"),
    **dict.fromkeys(
        ("test_split", "validation_split", "training_split", "fewshot_split"),
        "a benchmark has no splits; worked examples are drawn from items that are not asked",
    ),
    **dict.fromkeys(
        ("should_decontaminate", "doc_to_decontamination_query"), "decontamination is a stage of curation here"
    ),
    **dict.fromkeys(("tag", "group", "task_alias"), "suites say which tasks belong together"),
}
_REFUSED = {
    **dict.fromkeys(
        ("process_docs", "process_results", "custom_dataset", "class", "unsafe_code"),
        "a task file may not bring Python code: prepare the items before they are registered, and name a scorer",
    ),
    **dict.fromkeys(("use_prompt", "include"), "a task file must hold all of itself"),
    **dict.fromkeys(("doc_to_image", "doc_to_audio"), "only text is asked"),
    **dict.fromkeys(("gen_prefix", "fewshot_config"), "write it into doc_to_text"),
}
_METRICS = {
    "multiple_choice": ("acc", "acc_norm"),
    "loglikelihood": ("acc", "perplexity"),
    "loglikelihood_rolling": ("bits_per_byte", "byte_perplexity", "word_perplexity"),
    "generate_until": ("exact_match",),
}


def read_definition(text: str, file: str = "") -> TaskDefinition:
    """The task that a YAML text describes.

    Raises:
        InputError: no YAML, or a wrong field; the problem names file, line and field.
    """
    return import_definition(text, file)[0]


def import_definition(text: str, file: str = "") -> tuple[TaskDefinition, list[str]]:
    """`(task, which keys of lm-eval were passed over and why)`.

    Raises:
        InputError: no YAML, a wrong field, or something of lm-eval's that is not done here, with the reason.
    """
    value = _mapping(text, file)
    notes = [f"{key} is not used: {_IGNORED[key]}" for key in value if key in _IGNORED]
    wrong = [Problem(f"{key} is not taken: {_REFUSED[key]}", field=key) for key in value if key in _REFUSED]
    kept = {key: each for key, each in value.items() if key not in {*_IGNORED, *_REFUSED, "metric_list"}}
    try:
        definition = TaskDefinition.model_validate(kept)
    except ValidationError as error:
        raise InputError([_placed(problem, text, file) for problem in [*wrong, *problems_of(error)]]) from error
    wrong += _unknown_metrics(value.get("metric_list"), definition)
    if wrong:
        raise InputError([_placed(problem, text, file) for problem in wrong])
    return definition, notes


def _mapping(text: str, file: str) -> dict[str, Any]:
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else None
        message = f"this is no YAML: {error}"
        if "!function" in str(error):
            message = "!function names Python code, and a task file may not bring any"
        raise InputError(Problem(message, file=file, line=line)) from error
    if not isinstance(value, dict):
        hint = "a task is a mapping such as `task: piqa`"
        raise InputError(Problem("the file holds no mapping", file=file, hint=hint))
    return {str(key): each for key, each in value.items()}


def _unknown_metrics(listed: Any, definition: TaskDefinition) -> list[Problem]:
    """Metrics that no scorer of the output type gives; a scorer that was named gives its own."""
    if listed is None or definition.metadata.scorer is not None:
        return []
    if not isinstance(listed, list) or not all(isinstance(each, dict) and "metric" in each for each in listed):
        return [Problem("metric_list is a list of mappings with `metric`", field="metric_list")]
    known = _METRICS[definition.output_type]
    hint = f"for {definition.output_type}: {', '.join(known)}; or name a scorer under metadata"
    return [
        Problem(f"the metric {each['metric']!r} is not computed here", field="metric_list", hint=hint)
        for each in listed
        if each["metric"] not in known
    ]


def _placed(problem: Problem, text: str, file: str) -> Problem:
    """With the line on which the field begins."""
    first, _, rest = problem.field.partition(".")
    lines = text.splitlines()
    line = next((n for n, each in enumerate(lines, 1) if each.startswith(f"{first}:")), None)
    second = rest.split(".")[0]
    if line and second:
        line = next((n for n, each in enumerate(lines[line:], line + 1) if each.strip().startswith(f"{second}:")), line)
    return Problem(problem.message, field=problem.field, file=file, line=line, hint=problem.hint)
