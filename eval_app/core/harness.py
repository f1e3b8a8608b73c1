"""Asking a model the items of a task through lm-evaluation-harness: its prompts, examples, requests and filters.

Its command line, downloads and bootstrap are not used: items come from a registered benchmark, scores from a scorer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import jinja2
from lm_eval.api.instance import Instance
from lm_eval.api.task import ConfigurableTask

from chimera.errors import InputError, Problem
from eval_app.core.continuations import Cut
from eval_app.core.language_model import CheckpointLM, Seen
from eval_app.core.scorers.base import Answer
from eval_app.core.tasks.definition import TaskDefinition
from eval_app.core.templates import compiled

T = TypeVar("T")
Record = tuple[str, Mapping[str, Any]]  # id of the item, the item as it was given
_NAMED = 20  # wrong items that are named one by one


@dataclass(frozen=True)
class Asked:
    """One item with what the model was shown and gave. `cut`: what of it went beyond the model's context."""

    item: Mapping[str, Any]
    prompt: str
    target: int | str | list[str]
    answer: Answer
    cut: Cut = ""


class _Rows(list[Mapping[str, Any]]):
    """Items as lm-eval reads them: a list that knows its fields.

    What a record lacks is missing, not null: a prompt with "None" in it would be scored in silence.
    """

    def __init__(self, records: Sequence[Record]) -> None:
        self.features = dict.fromkeys(sorted({name for _, item in records for name in item}))
        super().__init__(dict(item) for _, item in records)


class ItemsTask(ConfigurableTask):
    """lm-eval's task over items in memory; `examples` are those that few-shot prompts draw from."""

    def __init__(self, definition: TaskDefinition, items: Sequence[Record], examples: Sequence[Record]) -> None:
        self._items, self._examples = items, examples
        self.must_have_target = definition.scorer.key == "exact_match"  # other scorers may want nothing
        super().__init__(config=compiled(_config(definition, bool(examples))))
        self.set_fewshot_seed(0)

    def download(self, dataset_kwargs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """The items in memory: nothing is downloaded or converted."""
        self.dataset = {"test": _Rows(self._items), "examples": _Rows(self._examples)}

    def requests_of(self, number: int) -> list[Instance]:
        """What the model is asked about one item."""
        item = self.dataset["test"][number]
        context = self.fewshot_context(item, self.config.num_fewshot or 0)
        made = self.construct_requests(item, context, metadata=(self.config.task, number, self.config.repeats))
        return made if isinstance(made, list) else [made]


_OF_LM_EVAL = [name for name in TaskDefinition.model_fields if name != "metadata"]


def _config(definition: TaskDefinition, with_examples: bool) -> dict[str, Any]:
    config = {name: value for name in _OF_LM_EVAL if (value := getattr(definition, name)) is not None}
    return config | {"test_split": "test", "fewshot_split": "examples" if with_examples else None, "metric_list": []}


def ask(
    lm: CheckpointLM, definition: TaskDefinition, items: Sequence[Record], examples: Sequence[Record] = ()
) -> list[Asked]:
    """Every item put to the model, in the order given.

    Raises:
        InputError: a template does not fit items, or an item has no right answer; each is named by its id.
    """
    task = _built(definition, items, examples)
    groups = _each(definition, items, task.requests_of)
    targets = _each(definition, items, lambda number: _target(task, groups[number]))
    task._instances = [instance for group in groups for instance in group]
    seen = iter(_answered(lm, task))
    task.apply_filters()
    return [
        _asked(task, group, target, [next(seen) for _ in group]) for group, target in zip(groups, targets, strict=True)
    ]


def _answered(lm: CheckpointLM, task: ItemsTask) -> list[Seen]:
    """Fill in what the model said to every request, as often as the task repeats it; what it saw of each."""
    asked = [instance for instance in task.instances for _ in range(task.config.repeats)]
    answers: Sequence[Any]
    seen: list[Seen]
    if task.OUTPUT_TYPE == "generate_until":
        answers, seen = lm.generate_until(asked), lm.seen_before_writing(task.instances)
    elif task.OUTPUT_TYPE == "loglikelihood_rolling":  # windows see all of it
        answers, seen = lm.loglikelihood_rolling(asked), [(0, "")] * len(task.instances)
    else:
        encoded = lm.encoded([instance.args for instance in asked])
        answers, seen = lm.score(encoded), lm.seen(encoded)
    for instance, answer in zip(asked, answers, strict=True):
        instance.resps.append(answer)
    return seen


def _built(definition: TaskDefinition, items: Sequence[Record], examples: Sequence[Record]) -> ItemsTask:
    if not items:
        hint = f"register more: {definition.num_fewshot} worked examples leave none to ask" if examples else ""
        raise InputError(Problem(f"there are no items to ask for {definition.task}", field="tasks", hint=hint))
    if len(examples) < definition.num_fewshot:  # lm-eval would take them from the asked ones, an item itself too
        message = f"{definition.task} wants {definition.num_fewshot} worked examples, and {len(examples)} are left"
        hint = "register more items: examples are not asked, and differ in their text from all that are"
        raise InputError(Problem(message, field="tasks", hint=hint))
    try:
        return ItemsTask(definition, items, examples)
    except _WRONG as error:  # lm-eval tries the first item when it builds a task
        raise InputError(_misfit(definition, items[0], error)) from error


_WRONG = (ValueError, KeyError, TypeError, IndexError, AssertionError, SyntaxError, jinja2.TemplateError)


def _each(definition: TaskDefinition, items: Sequence[Record], of: Callable[[int], T]) -> list[T]:
    """`of` every item; the wrong ones are named together."""
    found, wrong = [], []
    for number, item in enumerate(items):
        try:
            found.append(of(number))
        except _WRONG as error:
            wrong.append(_misfit(definition, item, error))
    if wrong:
        raise InputError(wrong[:_NAMED])
    return found


def _misfit(definition: TaskDefinition, item: Record, error: Exception) -> Problem:
    name, record = item
    message = f"item {name!r} does not fit the task {definition.task}: {error or type(error).__name__}"
    hint = f"the item has the fields {', '.join(record)}; the task's templates are doc_to_text, doc_to_target, "
    return Problem(message[:500], field="tasks", hint=hint + "doc_to_choice")


def _target(task: ItemsTask, instances: Sequence[Instance]) -> int | str | list[str]:
    """The right answer; of several options its index.

    Raises:
        ValueError: there is none among the options.
    """
    doc = instances[0].doc
    if task.OUTPUT_TYPE != "multiple_choice":
        target: int | str | list[str] = task.doc_to_target(doc)
        if task.must_have_target and target in ("", []):
            raise ValueError("it has no right answer")
        return target
    options = task.doc_to_choice(doc)
    right = task.doc_to_text(doc) if task.multiple_input else task.doc_to_target(doc)
    if isinstance(right, str) and right in options:
        return int(options.index(right))
    if isinstance(right, bool) or not isinstance(right, int) or not 0 <= right < len(options):
        raise ValueError(f"the right answer {right!r} is none of its {len(options)} options (they count from 0)")
    if not all(isinstance(option, str) and option for option in options):
        raise ValueError("an option is empty")
    return right


def _asked(
    task: ItemsTask, instances: Sequence[Instance], target: int | str | list[str], seen: Sequence[Seen]
) -> Asked:
    first, cuts = instances[0], {cut for _, cut in seen}
    cut: Cut = "continuation" if "continuation" in cuts else "prompt" if "prompt" in cuts else ""
    if task.OUTPUT_TYPE == "generate_until":
        raw = [str(text) for text in first.resps]
        filtered = next(iter(first.filtered_resps.values())) if task.config.filter_list else raw
        texts = [str(text) for text in (filtered if isinstance(filtered, list) else [filtered])]
        return Asked(first.doc, first.args[0], target, Answer(texts=texts, raw=raw), cut)
    if task.OUTPUT_TYPE == "loglikelihood_rolling":
        return Asked(first.doc, "", target, Answer([first.args[0]], [float(first.resps[0])]))
    shown = task.doc_to_choice(first.doc) if task.OUTPUT_TYPE == "multiple_choice" else [first.args[1]]
    values = [instance.resps[0] for instance in instances]
    answer = Answer(list(shown), [value for value, _ in values], [n for n, _ in seen], [greedy for _, greedy in values])
    return Asked(first.doc, first.args[0], target, answer, cut)
