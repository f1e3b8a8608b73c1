"""Curation: recipes per domain, decontamination, near-duplicates over all domains together, then the final filters.

The order is FineWeb's and SlimPajama's: quality first, then global deduplication, then personal data.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from chimera.artefacts import Stored
from chimera.context import Context
from chimera.errors import InputError, Problem
from chimera.typed import sha256_json
from curriculum_app.core.already_made import key_of, make_once
from curriculum_app.core.benchmarks import Benchmark
from curriculum_app.core.configs import CurateConfig
from curriculum_app.core.contamination_check import (
    CONTAMINATION_FILE,
    CONTAMINATION_SCHEMA,
    DECONTAMINATION,
    CheckTask,
    ContaminationReport,
)
from curriculum_app.core.curation_finish import Finish
from curriculum_app.core.curation_shard import ShardResult, ShardTask, run_shard
from curriculum_app.core.dataset_version import (
    DROPPED_FILE,
    DROPPED_SCHEMA,
    DatasetVersion,
    DatasetWriter,
    VersionResult,
)
from curriculum_app.core.decontamination import build_index
from curriculum_app.core.dedup.config import NOT_DECIDING
from curriculum_app.core.dedup.earlier import SKETCHES_FILE
from curriculum_app.core.dedup.groups import GROUPS_FILE
from curriculum_app.core.dedup.sketches import SKETCH_SCHEMA
from curriculum_app.core.dedup.stage import find_for_curation, sketching, write_groups
from curriculum_app.core.documents import Document
from curriculum_app.core.filters.base import FilterChoice
from curriculum_app.core.media_store import carry_media
from curriculum_app.core.parquet_rows import RowWriter
from curriculum_app.core.pipeline import Funnel, merge_funnels
from curriculum_app.core.provenance import code_version
from curriculum_app.core.worker_pool import run_tasks

_NOT_DECIDING: dict[str, Any] = {"name": True, "datasets": True, "workers": True, "near_duplicates": set(NOT_DECIDING)}
_WORTH_PROCESSES = 1000  # documents; below that, starting processes costs more than they save


def run(config: CurateConfig, ctx: Context) -> VersionResult:
    """Curate the datasets into one sealed version; a stopped job goes on at its unfinished shards.

    The same recipe on the same datasets is not run again.

    Raises:
        InputError: a domain has no recipe, or nothing is left after the filters.
    """
    versions = [ctx.open(dataset) for dataset in config.datasets]
    recipes = _recipes_by_domain(config, versions)
    benchmarks = sorted(map(ctx.open, config.decontamination.benchmarks), key=lambda benchmark: benchmark.digest)
    recipe = recipe_of(config, versions, benchmarks, [ctx.open(version) for version in config.against])

    def key() -> str | None:
        said = config.model_dump(mode="json", exclude=_NOT_DECIDING)
        return key_of("curate", {"recipe": recipe, "config": said})

    def make() -> Stored:
        return _curate(config, recipe, versions, recipes, benchmarks, ctx)

    return VersionResult(make_once(ctx, DatasetVersion.ref_kind, key, make))


def _curate(
    config: CurateConfig,
    recipe: dict[str, Any],
    versions: Sequence[DatasetVersion],
    recipes: dict[str, list[FilterChoice]],
    benchmarks: Sequence[Benchmark],
    ctx: Context,
) -> Stored:
    """Filter, compare, finish, seal."""
    scratch = ctx.scratch / f"curate-{sha256_json(recipe)[:16]}"
    check = _check(config, benchmarks, ctx, scratch / "grams") if benchmarks else None
    shards = _filter(config, recipes, versions, check, ctx, scratch)
    funnel = merge_funnels(shard.funnel() for shard in shards)
    duplicates = find_for_curation(config, shards, ctx)
    with ctx.store.stage(DatasetVersion.ref_kind) as stage:
        contamination = ContaminationReport(benchmarks)
        if benchmarks:
            with RowWriter(stage.path / CONTAMINATION_FILE, CONTAMINATION_SCHEMA) as found:
                found.extend(contamination.pass_on(row for shard in shards for row in shard.found_rows()))
        with (
            DatasetWriter(stage.path, recipe) as documents,
            RowWriter(stage.path / DROPPED_FILE, DROPPED_SCHEMA) as dropped,
            RowWriter(stage.path / SKETCHES_FILE, SKETCH_SCHEMA) as sketches,
        ):
            finish = Finish(config, funnel, sketches)
            for item in finish.items(shards, duplicates.verdicts, ctx):
                if isinstance(item, Document):
                    documents.add(item)
                else:
                    dropped.add(item)
        carry_media([version.stored.path for version in versions], stage.path)
        write_groups(stage.path / GROUPS_FILE, duplicates.verdicts)
        funnel = finish.funnel()
        _require_documents(documents.num_documents, funnel, config)
        manifest = {
            "name": config.name,
            "stage": "curated",
            "parents": [version.digest for version in versions],
            "recipe": recipe,
            "funnel": funnel,
            "duplicates": duplicates.near,
            "exact_duplicates": duplicates.exact,
            "sketches": sketching(config).identity(),
            "contamination": contamination.facts(),
            "code_version": code_version(),
        }
        return stage.seal(documents.digest(), manifest | documents.facts())


def recipe_of(
    config: CurateConfig,
    versions: Sequence[DatasetVersion],
    benchmarks: Sequence[Benchmark] = (),
    against: Sequence[DatasetVersion] = (),
) -> dict[str, Any]:
    """What decides about the records: parents and settings, not the name or the number of processes.

    Benchmarks and earlier versions are named by their content, in no order; without any nothing is said of them.
    """
    said = config.model_dump(mode="json", include={"recipes", "exact_duplicates", "final_filters"})
    said["near_duplicates"] = config.near_duplicates.deciding()
    if against:
        said["against"] = sorted(version.digest for version in against)
    if benchmarks:
        digests = sorted(benchmark.digest for benchmark in benchmarks)
        said["decontamination"] = {**config.decontamination.as_json(), "benchmarks": digests}
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


def _check(config: CurateConfig, benchmarks: Sequence[Benchmark], ctx: Context, folder: Path) -> CheckTask:
    """Index the benchmarks once, for all worker processes."""
    ctx.progress(0, unit="documents", message="indexing benchmarks")
    build_index(benchmarks, config.decontamination, folder)
    settings = config.decontamination
    return CheckTask(index=str(folder), min_matches=settings.min_matches, drop=settings.action == "drop")


def _filter(
    config: CurateConfig,
    recipes: dict[str, list[FilterChoice]],
    versions: Sequence[DatasetVersion],
    check: CheckTask | None,
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
            exact_duplicates=config.exact_duplicates,
            check=check,
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
    field = stage if stage == DECONTAMINATION else f"recipes.{config.recipe_key(domain)}"
    raise InputError(Problem(message, field, hint="loosen that stage or take it out of the recipe"))
