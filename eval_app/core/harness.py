"""Asking a model the items of a task through lm-evaluation-harness: its prompts, examples, requests and filters.

Its command line, downloads and bootstrap are not used: items come from a registered benchmark, scores from a scorer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import datasets
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from lm_eval.api.task import ConfigurableTask

from chimera.errors import InputError, Problem
from eval_app.core.scorers.base import Answer
from eval_app.core.tasks.definition import TaskDefinition


@dataclass(frozen=True)
class Asked:
    """One item with what the model was shown and gave."""

    item: Mapping[str, Any]
    prompt: str
    target: int | str | list[str]
    answer: Answer


class ItemsTask(ConfigurableTask):
    """lm-eval's task over items in memory; `examples` are those that few-shot prompts draw from."""

    def __init__(
        self, definition: TaskDefinition, items: Sequence[Mapping[str, Any]], examples: Sequence[Mapping[str, Any]]
    ) -> None:
        self._items, self._examples = items, examples
        super().__init__(config=_config(definition, bool(examples)))
        self.set_fewshot_seed(0)

    def download(self, dataset_kwargs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """The items as lm-eval wants them: each a row, fields that a record lacks null."""
        self.dataset = {"test": _rows(self._items), "examples": _rows(self._examples)}


_OF_LM_EVAL = [name for name in TaskDefinition.model_fields if name != "metadata"]


def _config(definition: TaskDefinition, with_examples: bool) -> dict[str, Any]:
    config = {name: value for name in _OF_LM_EVAL if (value := getattr(definition, name)) is not None}
    return config | {"test_split": "test", "fewshot_split": "examples" if with_examples else None, "metric_list": []}


def _rows(items: Sequence[Mapping[str, Any]]) -> Any:
    names = sorted({name for item in items for name in item})
    return datasets.Dataset.from_list([{name: item.get(name) for name in names} for item in items])


def ask(
    lm: LM, definition: TaskDefinition, items: Sequence[Mapping[str, Any]], examples: Sequence[Mapping[str, Any]] = ()
) -> list[Asked]:
    """Every item put to the model, in the order given.

    Raises:
        InputError: a template does not fit the items; the message is lm-eval's.
    """
    task = _built(definition, items, examples)
    answers = getattr(lm, "loglikelihood" if task.OUTPUT_TYPE == "multiple_choice" else task.OUTPUT_TYPE)(
        task.instances
    )
    for instance, response in zip(task.instances, answers, strict=True):
        instance.resps.append(response)
    task.apply_filters()
    by_item: dict[int, list[Instance]] = {}
    for instance in task.instances:
        by_item.setdefault(instance.doc_id, []).append(instance)
    return [_asked(lm, task, by_item[number]) for number in sorted(by_item)]


def _built(definition: TaskDefinition, items: Sequence[Any], examples: Sequence[Any]) -> ItemsTask:
    try:
        task = ItemsTask(definition, items, examples)
        task.build_all_requests()
    except (ValueError, KeyError, TypeError, IndexError, AssertionError) as error:
        hint = "compare the templates (doc_to_text, doc_to_target, doc_to_choice) with the fields of an item"
        message = f"the task {definition.task} does not fit its items: {type(error).__name__}: {error}"
        raise InputError(Problem(message, field="tasks", hint=hint)) from error
    return task


def _asked(lm: LM, task: ItemsTask, instances: Sequence[Instance]) -> Asked:
    first = instances[0]
    target = task.doc_to_target(first.doc)
    if task.OUTPUT_TYPE == "generate_until":
        raw = [str(text) for instance in instances for text in instance.resps]
        texts = [str(text) for instance in instances for text in _listed(next(iter(instance.filtered_resps.values())))]
        return Asked(first.doc, first.args[0], target, Answer(texts=texts, raw=raw))
    if task.OUTPUT_TYPE == "loglikelihood_rolling":
        answer = Answer([first.args[0]], [float(first.resps[0])])
        return Asked(first.doc, first.args[0], target, answer)
    continuations = [instance.args[1] for instance in instances]
    pairs = [
        lm._encode_pair(*instance.args) if instance.args[0] else ([], lm.tok_encode(instance.args[1]))
        for instance in instances
    ]
    shown = task.doc_to_choice(first.doc) if task.OUTPUT_TYPE == "multiple_choice" else continuations
    values = [instance.resps[0] for instance in instances]
    answer = Answer(list(shown), [v for v, _ in values], [len(e) for _, e in pairs], [g for _, g in values])
    return Asked(first.doc, first.args[0], target, answer)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
