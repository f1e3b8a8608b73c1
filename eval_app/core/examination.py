"""Putting a list of tasks to one model: which items, which were missing, every answer, every score."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from chimera.typed import sha256_json
from curriculum_app.core.benchmarks import Benchmark, Item
from eval_app.core.contamination import Found
from eval_app.core.harness import Asked, ask
from eval_app.core.item_results import ItemResult
from eval_app.core.item_sources.base import MadeItems
from eval_app.core.language_model import CheckpointLM
from eval_app.core.scorers.base import Scorer
from eval_app.core.suite_means import suite_means
from eval_app.core.task_scores import TaskScore, score_across, scores_of
from eval_app.core.tasks.bundled import Suite
from eval_app.core.tasks.definition import TaskDefinition, how_to_add


@dataclass
class Examination:
    """What all tasks gave. `tasks` are facts for the manifest; `missing` says why a task was not run."""

    results: list[ItemResult] = field(default_factory=list)
    scores: list[TaskScore] = field(default_factory=list)
    tasks: list[dict[str, Any]] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    suite: dict[str, Any] = field(default_factory=dict)

    def sum_up(self, key: str, suite: Suite) -> None:
        """Say which suite it was, and its means over the tasks that ran."""
        means = {name: mean.as_json() for name, mean in suite_means(suite, self.scores).items()}
        self.suite = {"key": key, "title": suite.title, "of": len(suite.tasks), "means": means}


def examine(
    lm: CheckpointLM,
    definitions: Iterable[TaskDefinition],
    benchmarks: Sequence[Benchmark],
    *,
    limit: int | None,
    seed: int,
    read: Callable[[Benchmark], Found] = lambda _: None,
    began: Callable[[TaskDefinition, int], None] = lambda _task, _items: None,
) -> Examination:
    """Run every task whose items are registered. Equal arguments ask equal items in equal order.

    `read(benchmark)` says which items stand in the training data, None where that was not checked.
    """
    found = Examination()
    for definition in definitions:
        benchmark = definition.made_items or _registered(definition, benchmarks)
        if benchmark is None:
            found.missing[definition.task] = how_to_add(definition)
            continue
        if reason := definition.scorer.build().lacking():
            found.missing[definition.task] = reason
            continue
        known = read(benchmark) if isinstance(benchmark, Benchmark) else None  # made items are compared with nothing
        _run(lm, definition, benchmark, found, limit=limit, seed=seed, read=known, began=began)
    return found


def _registered(definition: TaskDefinition, benchmarks: Sequence[Benchmark]) -> Benchmark | None:
    return next((each for each in benchmarks if definition.items_task in each.manifest["tasks"]), None)


def _run(
    lm: CheckpointLM,
    definition: TaskDefinition,
    benchmark: Benchmark | MadeItems,
    found: Examination,
    *,
    limit: int | None,
    seed: int,
    read: Found,
    began: Callable[[TaskDefinition, int], None],
) -> None:
    items = [item for item in benchmark.iter_items() if item.task == definition.items_task]
    chosen, examples = drawn(items, definition.num_fewshot, limit, seed)
    began(definition, len(chosen))
    asked = ask(lm, definition, *([(item.id, item.record) for item in part] for part in (chosen, examples)))
    scorer: Scorer = definition.scorer.build()
    scorer.prepare((each.item, each.answer) for each in asked)
    results = [
        _result(definition, scorer, item.id, each, None if read is None else item.id in read)
        for item, each in zip(chosen, asked, strict=True)
    ]
    found.results += results
    found.scores += scores_of(definition, scorer.metrics, results)
    across = scorer.across([result.values for result in results])
    found.scores += [score_across(definition, each) for each in across]
    found.tasks.append(
        {
            "task": definition.task,
            "title": definition.title,
            "definition": definition.as_json(),
            "definition_digest": sha256_json(definition.as_json()),
            "items": benchmark.digest,
            "asked": len(chosen),
            "present": len(items),
            "pool": definition.metadata.pool or len(items),
            "examples": len(examples),
            "cut": {what: sum(each.cut == what for each in asked) for what in ("prompt", "continuation")},
            "metrics": {each.key: each.title for each in [*scorer.metrics, *(each.metric for each in across)]},
        }
    )


def drawn(items: Sequence[Item], shots: int, limit: int | None, seed: int) -> tuple[list[Item], list[Item]]:
    """`(items to ask, items for few-shot prompts)`; a limit draws at random, in the order of the file.

    Disjoint also in their texts, so that no item is its own example, nor another's that says the same.
    """
    order = list(range(len(items)))
    random.Random(seed).shuffle(order)
    examples = order[: min(4 * shots, max(len(order) // 2, shots))]
    rest = order[len(examples) :]
    kept = sorted(rest if limit is None else rest[:limit])
    texts = {items[n].parts for n in kept}
    return [items[n] for n in kept], [items[n] for n in sorted(examples) if items[n].parts not in texts]


def _result(
    definition: TaskDefinition, scorer: Scorer, item: str, asked: Asked, contaminated: bool | None
) -> ItemResult:
    scored = scorer.score(asked.item, asked.target, asked.answer)
    main = scored.values.get(scorer.metrics[0].key)
    return ItemResult(
        task=definition.task,
        item=item,
        prompt=asked.prompt,
        target=_text_of(asked),
        main=float("nan") if main is None else main,
        values=scored.values,
        options=asked.answer.options,
        loglikelihoods=asked.answer.loglikelihoods,
        tokens=asked.answer.tokens,
        answers=asked.answer.texts,
        facts=scored.facts | ({"cut": asked.cut} if asked.cut else {}),
        contaminated=contaminated,
    )


def _text_of(asked: Asked) -> str:
    if isinstance(asked.target, int) and asked.answer.options:
        return asked.answer.options[asked.target]
    return "\n".join(map(str, asked.target)) if isinstance(asked.target, list) else str(asked.target)
