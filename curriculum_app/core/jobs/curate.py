"""Curation: recipes per domain, near-duplicates over all domains together, then the final filters.

The order is FineWeb's and SlimPajama's: quality first, then global deduplication, then personal data.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from chimera.context import Context
from chimera.errors import InputError, Problem
from chimera.typed import sha256_json
from curriculum_app.core.configs import CurateConfig
from curriculum_app.core.curation_shard import KEPT, ShardResult, ShardTask, run_shard
from curriculum_app.core.dataset_version import (
    DROPPED_FILE,
    DROPPED_SCHEMA,
    DatasetVersion,
    DatasetWriter,
    DroppedDocument,
    VersionResult,
)
from curriculum_app.core.dedup.measured import histogram, measure_bands
from curriculum_app.core.dedup.near_duplicates import Duplicate, Sketch, cross_source_matrix, find_duplicates
from curriculum_app.core.documents import Document
from curriculum_app.core.filters.base import FilterChoice
from curriculum_app.core.parquet_rows import RowWriter
from curriculum_app.core.pipeline import Chain, Funnel, StageCounts, merge_funnels
from curriculum_app.core.provenance import code_version
from curriculum_app.core.worker_pool import run_tasks

NEAR_DUPLICATES = "near_duplicates"
_OPEN_FILES = 16
_WORTH_PROCESSES = 1000  # documents; below that, starting processes costs more than they save


def run(config: CurateConfig, ctx: Context) -> VersionResult:
    """Curate the datasets into one sealed version; a stopped job goes on at its unfinished shards.

    Raises:
        InputError: a domain has no recipe, or nothing is left after the filters.
    """
    versions = [ctx.open(dataset) for dataset in config.datasets]
    recipes = _recipes_by_domain(config, versions)
    recipe = recipe_of(config, versions)
    shards = _filter(config, recipes, versions, ctx, ctx.scratch / f"curate-{sha256_json(recipe)[:16]}")
    funnel = merge_funnels(shard.funnel() for shard in shards)
    duplicates, report = _find_duplicates(config, shards, ctx)
    with ctx.store.stage(DatasetVersion.ref_kind) as stage:
        finish = _Finish(config, funnel)
        with (
            DatasetWriter(stage.path, recipe) as documents,
            RowWriter(stage.path / DROPPED_FILE, DROPPED_SCHEMA) as dropped,
        ):
            for item in finish.items(shards, duplicates, ctx):
                if isinstance(item, Document):
                    documents.add(item)
                else:
                    dropped.add(item)
        funnel = finish.funnel()
        _require_documents(documents.num_documents, funnel, config)
        manifest = {
            "name": config.name,
            "stage": "curated",
            "parents": [version.digest for version in versions],
            "recipe": recipe,
            "funnel": funnel,
            "duplicates": report,
            "code_version": code_version(),
        }
        return VersionResult(stage.seal(documents.digest(), manifest | documents.facts()))


def recipe_of(config: CurateConfig, versions: Sequence[DatasetVersion]) -> dict[str, Any]:
    """What decides about the records: parents and settings, not the name or the number of processes."""
    said = config.model_dump(mode="json", include={"recipes", "near_duplicates", "final_filters"})
    return {"op": "curate", "params": said, "parents": [version.digest for version in versions]}


def _recipes_by_domain(config: CurateConfig, versions: Sequence[DatasetVersion]) -> dict[str, list[FilterChoice]]:
    """Every domain of the data → its recipe."""
    domains = sorted({domain for version in versions for domain in version.domains})
    keys = {domain: config.recipe_key(domain) for domain in domains}
    missing = [domain for domain, key in keys.items() if key is None]
    if missing:
        hint = f"add one for each of: {', '.join(missing)} (an empty list keeps everything), or one named * for all"
        raise InputError([Problem(f"domain {domain!r} has no recipe", "recipes", hint=hint) for domain in missing])
    return {domain: config.recipes[key] for domain, key in keys.items() if key is not None}


def _filter(
    config: CurateConfig,
    recipes: dict[str, list[FilterChoice]],
    versions: Sequence[DatasetVersion],
    ctx: Context,
    scratch: Path,
) -> list[ShardResult]:
    """Run the recipes over every row group, skipping those that an earlier attempt finished."""
    scratch.mkdir(parents=True, exist_ok=True)
    groups = [group for version in versions for group in version.row_groups()]
    shards = [ShardResult(scratch / f"shard-{number:06d}") for number in range(len(groups))]
    open_ = [number for number, shard in enumerate(shards) if not shard.folder.is_dir()]
    tasks = [
        ShardTask(
            file=str(groups[number][0]),
            row_group=groups[number][1],
            folder=str(shards[number].folder),
            recipes=recipes,
            near_duplicates=config.near_duplicates,
        )
        for number in open_
    ]
    total = sum(size for _, _, size in groups)
    done = total - sum(groups[number][2] for number in open_)
    if done:
        ctx.log(f"{len(groups) - len(open_)} of {len(groups)} shards were done before: going on with the rest")
    ctx.progress(done, total, unit="documents", message="filtering")
    workers = config.workers if total - done >= _WORTH_PROCESSES else 1
    for position in run_tasks(run_shard.__module__, run_shard.__name__, tasks, workers, ctx.check):
        done += groups[open_[position]][2]
        ctx.progress(done, total, unit="documents", message="filtering")
    return shards


@dataclass(frozen=True)
class _Verdict:
    """What the row of a removed document says: which one stays, and the edge that decided."""

    kept_id: str
    jaccard: float
    edge_id: str
    edge_jaccard: float


def _find_duplicates(
    config: CurateConfig, shards: Sequence[ShardResult], ctx: Context
) -> tuple[dict[int, _Verdict], dict[str, Any]]:
    """Number (over all documents that the filters kept) → why it is removed; and the report for the manifest."""
    near = config.near_duplicates
    if not near.enabled:
        return {}, {"removed": 0, "matrix": {}, "seconds": 0.0}
    ctx.check()
    ctx.progress(0, unit="documents", message="finding near-duplicates")
    start = time.perf_counter()
    sketches = [sketch for shard in shards for sketch in shard.sketches()]
    texts = _Texts(shards)
    found = find_duplicates(sketches, texts.text, near)
    seconds = time.perf_counter() - start
    report = {
        "removed": len(found),
        "bytes": sum(sketches[duplicate.removed].num_bytes for duplicate in found),
        "compared": len(sketches),
        "matrix": cross_source_matrix(found, sketches),
        "similar_to_kept": sum(duplicate.jaccard >= near.threshold for duplicate in found),
        "similarities": histogram([duplicate.jaccard for duplicate in found]),
        "measured": measure_bands(sketches, texts.text, near),
        "seconds": round(seconds, 3),
    }
    return {duplicate.removed: _verdict(duplicate, sketches) for duplicate in found}, report


def _verdict(found: Duplicate, sketches: Sequence[Sketch]) -> _Verdict:
    return _Verdict(sketches[found.kept].id, found.jaccard, sketches[found.edge].id, found.edge_jaccard)


class _Texts:
    """Random access to the texts that the filters kept, by number over all shards."""

    def __init__(self, shards: Sequence[ShardResult]) -> None:
        self._places: list[tuple[Path, int, int]] = []
        for shard in shards:
            path = shard.folder / KEPT
            metadata = pq.read_metadata(path)
            for group in range(metadata.num_row_groups):
                rows = metadata.row_group(group).num_rows
                self._places += [(path, group, row) for row in range(rows)]
        self._opened = lru_cache(_OPEN_FILES)(pq.ParquetFile)

    def text(self, number: int) -> str:
        path, group, row = self._places[number]
        column = self._opened(path).read_row_group(group, columns=["text"]).column(0)
        return str(column[row].as_py())


class _Finish:
    """The last pass: leave out duplicates, apply the final filters, copy what the recipes dropped."""

    def __init__(self, config: CurateConfig, funnel: Funnel) -> None:
        self._filtered = funnel
        self._enabled = config.near_duplicates.enabled
        self._chains = {domain: Chain(config.final_filters) for domain in funnel}
        self._duplicates = {domain: StageCounts(NEAR_DUPLICATES) for domain in funnel}

    def items(
        self, shards: Sequence[ShardResult], duplicates: Mapping[int, _Verdict], ctx: Context
    ) -> Iterator[Document | dict[str, Any]]:
        """Documents of the new version and rows of dropped ones, in the order of the input."""
        number = 0
        for done, shard in enumerate(shards):
            ctx.check()
            ctx.progress(done, len(shards), unit="shards", message="writing")
            yield from shard.dropped_rows()
            for document in shard.kept():
                result = self._judge(document, duplicates.get(number))
                yield result if isinstance(result, Document) else result.as_row()
                number += 1

    def _judge(self, document: Document, found: _Verdict | None) -> Document | DroppedDocument:
        counts = self._duplicates[document.domain]
        if found is not None:
            counts.drop(document, "near_duplicate")
            return DroppedDocument(
                document,
                stage=NEAR_DUPLICATES,
                reason="near_duplicate",
                statistic=found.edge_jaccard,
                kept_id=found.kept_id,
                jaccard=found.jaccard,
                edge_id=found.edge_id,
            )
        counts.keep(document, document)
        return self._chains[document.domain].judge(document)

    def funnel(self) -> Funnel:
        """All stages of every domain in order."""
        return {
            domain: [
                *stages,
                *([self._duplicates[domain].as_json()] if self._enabled else []),
                *self._chains[domain].counts(),
            ]
            for domain, stages in self._filtered.items()
        }


def _require_documents(num_documents: int, funnel: Funnel, config: CurateConfig) -> None:
    if num_documents:
        return
    stages = [(stage["dropped"], stage["stage"], domain) for domain, found in funnel.items() for stage in found]
    if not stages:
        raise InputError(Problem("the dataset versions hold no documents", "datasets", hint="import some first"))
    dropped, stage, domain = max(stages)
    reasons = next(item["reasons"] for item in funnel[domain] if item["stage"] == stage)
    worst = ", ".join(f"{reason} {count}×" for reason, count in list(reasons.items())[:3])
    message = f"nothing is left after curation: {stage!r} removed most ({dropped} documents of {domain!r}: {worst})"
    raise InputError(
        Problem(message, f"recipes.{config.recipe_key(domain)}", hint="loosen that stage or take it out of the recipe")
    )
