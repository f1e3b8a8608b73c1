"""Reads of benchmarks, and of what curations found of them in a dataset version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow.dataset as pads
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404

from chimera.jobs import refs
from chimera.projects.access import Actor
from curriculum_app.core import benchmarks as core
from curriculum_app.core.configs_benchmarks import BenchmarkConfig
from curriculum_app.core.contamination_check import CONTAMINATION_FILE
from curriculum_app.core.dataset_version import DatasetVersion as OpenedVersion
from curriculum_app.core.decontamination import Span, shared_passages
from curriculum_app.models import Benchmark, DatasetVersion
from curriculum_app.selectors.window import Window
from curriculum_app.starter.benchmarks import BUNDLED

FOUND_IN = 20


def benchmarks(actor: Actor) -> QuerySet[Benchmark]:
    """Newest first."""
    return Benchmark.objects.filter(project=actor.project).order_by("-pk")


def benchmark_get(actor: Actor, pk: int) -> Benchmark:
    """The benchmark of this project, or 404."""
    return get_object_or_404(Benchmark.objects.select_related("job"), project=actor.project, pk=pk)


def not_registered(actor: Actor) -> list[BenchmarkConfig]:
    """Bundled benchmarks that the project has not."""
    have = set(benchmarks(actor).values_list("name", flat=True))
    return [config for config in BUNDLED if config.name not in have]


def opened(row: Benchmark) -> core.Benchmark | None:
    """The artefact, or None when its files are not on this machine."""
    return refs.opened(core.Benchmark, row)


def items(benchmark: core.Benchmark) -> Window[core.Item]:
    return Window(benchmark.num_items, benchmark.items)


@dataclass(frozen=True)
class Found:
    """What a curation found of one benchmark; `row` is None if the benchmark is not in this project."""

    name: str
    digest: str
    row: Benchmark | None
    items: int
    found: int
    documents: int

    @property
    def share(self) -> float:
        return self.found / self.items if self.items else 0.0


def found_in(version: DatasetVersion) -> list[Found]:
    """One entry per benchmark that the curation of `version` looked for, the most found first."""
    reports = version.manifest.get("contamination") or {}
    rows = {row.digest: row for row in Benchmark.objects.filter(project=version.project_id, digest__in=reports)}
    found = [
        Found(facts["name"], digest, rows.get(digest), facts["items"], facts["found"], facts["documents"])
        for digest, facts in reports.items()
    ]
    return sorted(found, key=lambda item: (-item.found, item.name))


def versions_with(row: Benchmark) -> list[tuple[DatasetVersion, dict[str, Any]]]:
    """The newest dataset versions whose curation looked for this benchmark, with what it found."""
    rows = DatasetVersion.objects.filter(project=row.project_id, manifest__contamination__has_key=row.digest)
    return [(version, version.manifest["contamination"][row.digest]) for version in rows.order_by("-pk")[:FOUND_IN]]


@dataclass(frozen=True)
class Pair:
    """An item and a document that share n-grams."""

    document_id: str
    domain: str
    benchmark: str
    item: str
    shared: int
    dropped: bool


def pairs(version: OpenedVersion, benchmark: str = "") -> Window[Pair]:
    """Pairs in the order of the documents, optionally of one benchmark (its digest)."""
    path = version.stored.path / CONTAMINATION_FILE
    if not path.is_file():
        return Window(0, lambda offset, limit: [])
    condition = pads.field("benchmark") == benchmark if benchmark else None
    rows = pads.dataset(str(path))

    def load(offset: int, limit: int) -> list[Pair]:
        table = rows.scanner(filter=condition).head(offset + limit).slice(offset)
        return [Pair(**row) for row in table.to_pylist()]

    return Window(rows.count_rows(filter=condition), load)


Marked = list[tuple[str, bool]]


def beside(text: str, item: core.Item, settings: dict[str, Any]) -> tuple[Marked, Marked]:
    """A document and an item cut into pieces; what of the item was found in the document is marked in both."""
    n, shortest = settings.get("n", 13), settings.get("shortest_item", 8)
    return (
        _cut(text, shared_passages(text, item.text, item.parts, n, shortest)),
        _cut(item.text, shared_passages(item.text, text, item.parts, n, shortest)),
    )


def _cut(text: str, passages: Sequence[Span]) -> Marked:
    pieces, at = [], 0
    for start, end in passages:
        pieces += [(text[at:start], False), (text[start:end], True)]
        at = end
    return [piece for piece in [*pieces, (text[at:], False)] if piece[0]]
