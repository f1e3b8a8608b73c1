"""Tasks and suites as a project sees them: which can be run with the items that it has, and what the others want."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import yaml

from chimera.jobs import refs
from chimera.projects.access import Actor
from curriculum_app.models import Benchmark
from eval_app.core.task_file import TaskFile
from eval_app.core.tasks.bundled import bundled_suites, bundled_tasks
from eval_app.core.tasks.definition import TaskDefinition, how_to_add
from eval_app.models import OwnTask

_ASKS = {
    "multiple_choice": "one of several options",
    "loglikelihood": "one continuation",
    "loglikelihood_rolling": "a whole text",
    "generate_until": "written text",
}


@dataclass(frozen=True)
class TaskRow:
    """One task; `benchmark` has its items, None if nothing registered has. `own` is the row of a user's task."""

    definition: TaskDefinition
    benchmark: Benchmark | None
    items: int
    own: OwnTask | None = None

    @property
    def ready(self) -> bool:
        """Its items are registered, or it makes them itself."""
        return self.benchmark is not None or self.definition.made_items is not None

    @property
    def asks(self) -> str:
        """What an answer is, in words."""
        return _ASKS[self.definition.output_type]

    @property
    def text(self) -> str:
        """The task file."""
        facts = self.definition.model_dump(mode="json", exclude_defaults=True)
        return yaml.safe_dump(facts, sort_keys=False, allow_unicode=True, width=100)

    @property
    def add(self) -> str:
        """How to get its items."""
        return how_to_add(self.definition)


@dataclass(frozen=True)
class SuiteRow:
    """One suite with its tasks; `missing` have no items yet, `barred` cannot be run at all."""

    key: str
    title: str
    summary: str
    source: str
    ready: Sequence[TaskRow]
    missing: Sequence[TaskRow]
    barred: Mapping[str, str]

    @property
    def barred_count(self) -> int:
        return len(self.barred)

    @property
    def of(self) -> int:
        return len(self.ready) + len(self.missing) + len(self.barred)


def task_rows(actor: Actor) -> list[TaskRow]:
    """The project's own tasks, newest first, then the bundled ones: those with items before those without."""
    have = _items(actor)

    def row_of(definition: TaskDefinition, own: OwnTask | None = None) -> TaskRow:
        benchmark, items = have.get(definition.items_task, (None, 0))
        return TaskRow(definition, benchmark, items, own)

    own = [
        row_of(opened.definition, row)
        for row in OwnTask.objects.filter(project=actor.project).order_by("-pk")
        if (opened := refs.opened(TaskFile, row)) is not None
    ]
    return [*own, *sorted(map(row_of, bundled_tasks().values()), key=lambda row: not row.ready)]


def suite_rows(rows: Sequence[TaskRow]) -> list[SuiteRow]:
    """Every suite that asks something."""
    by_name = {row.definition.task: row for row in rows if row.own is None}
    found = []
    for key, suite in bundled_suites().items():
        known = [by_name[name] for name in suite.tasks if name in by_name]
        ready = [row for row in known if row.ready]
        missing = [row for row in known if not row.ready]
        if suite.tasks:
            found.append(SuiteRow(key, suite.title, suite.summary, suite.source, ready, missing, suite.missing))
    return found


def _items(actor: Actor) -> dict[str, tuple[Benchmark, int]]:
    """Task → the newest benchmark with items of it, and how many."""
    found: dict[str, tuple[Benchmark, int]] = {}
    for row in Benchmark.objects.filter(project=actor.project).order_by("pk"):
        found |= {task: (row, count) for task, count in (row.manifest.get("tasks") or {}).items()}
    return found
