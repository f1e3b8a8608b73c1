"""The kind `measure`: columns of numbers for the documents of a version, computed once and stored (pure)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from chimera.artefacts import Stored
from chimera.context import Context
from chimera.errors import InputError, Problem
from chimera.typed import sha256_json
from curriculum_app.core.column_statistics import histogram_edges, rank_correlations, summarise
from curriculum_app.core.columns import DOCUMENTS_FILE, ColumnFacts, Columns, column_file
from curriculum_app.core.configs_measure import MeasureConfig
from curriculum_app.core.dataset_version import DatasetVersion
from curriculum_app.core.measuring import Measuring, Wanted, wanted
from curriculum_app.core.mixture_curve import Float
from curriculum_app.core.packing import Int
from curriculum_app.core.provenance import code_version

_SCHEMA = pa.schema([("id", pa.string()), ("domain", pa.string())])


@dataclass(frozen=True)
class ColumnsResult:
    """Stored `Columns`; `reused` of them were taken over from earlier ones."""

    stored: Stored
    reused: int


def run(config: MeasureConfig, ctx: Context) -> ColumnsResult:
    """Measure a dataset version; a stopped job goes on at its unfinished row groups.

    Raises:
        InputError: the version holds no documents.
    """
    version = ctx.open(config.dataset)
    if not version.num_documents:
        raise InputError(Problem("the dataset version holds no documents", "dataset", hint="choose another one"))
    columns = [wanted(choice, version, ctx) for choice in config.measures]
    before = find_stored(ctx, version.digest)
    new = [item for item in columns if item.identity not in before]
    if len(new) < len(columns):
        ctx.log(f"{len(columns) - len(new)} of {len(columns)} columns were measured before and are taken over")
    measured = Measuring(version, config.workers, ctx).measure(new)
    with ctx.store.stage(Columns.ref_kind) as stage:
        ctx.progress(0, len(columns), unit="columns", message="writing")
        domains, codes = _write_documents(version, stage.path / DOCUMENTS_FILE)
        facts = []
        for number, item in enumerate(columns):
            ctx.check()
            known = item.identity in before
            values = before[item.identity] if known else measured[item.identity].load()
            facts.append(_write_column(item, values, stage.path / column_file(number), domains, codes))
            ctx.progress(number + 1, len(columns), unit="columns", message="writing")
        rho, shared = rank_correlations([_mapped(stage.path / column_file(number)) for number in range(len(columns))])
        manifest = {
            "name": config.name,
            "dataset": version.digest,
            "documents": version.num_documents,
            "domains": domains,
            "columns": [item.as_json() for item in facts],
            "rank_correlation": {"rho": rho, "documents": shared},
            "code_version": code_version(),
        }
        meaning = {"dataset": version.digest, "columns": [[item.identity, item.sha256] for item in facts]}
        stored = stage.seal(sha256_json(meaning), manifest)
    _say_what_is_missing(facts, ctx)
    return ColumnsResult(stored, len(columns) - len(new))


def find_stored(ctx: Context, dataset: str) -> dict[str, Float]:
    """Identity → numbers of every column that the store holds of a dataset version."""
    found: dict[str, Float] = {}
    for stored in ctx.store.each(Columns.ref_kind):
        if stored.manifest["dataset"] == dataset:
            columns = Columns.open(stored)
            found |= {item.identity: columns.column(item.name) for item in columns.facts}
    return found


def _write_documents(version: DatasetVersion, target: Path) -> tuple[list[str], Int]:
    """Copy ids and domains; returns the domains in order and each document's place among them."""
    places: dict[str, int] = {}
    codes: list[Int] = []
    with pq.ParquetWriter(target, _SCHEMA, compression="zstd") as writer:
        for path in version.files:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(batch_size=4096, columns=_SCHEMA.names):
                    writer.write_batch(batch.select(_SCHEMA.names).cast(_SCHEMA))
                    names = batch.column("domain").to_pylist()
                    codes.append(np.array([places.setdefault(name, len(places)) for name in names], dtype=np.int64))
    order = sorted(places)
    new_place = np.array([order.index(name) for name in places], dtype=np.int64)
    return order, new_place[np.concatenate(codes)]


def _write_column(item: Wanted, values: Float, target: Path, domains: Sequence[str], codes: Int) -> ColumnFacts:
    np.save(target, np.ascontiguousarray(values, dtype="<f8"), allow_pickle=False)
    edges, scale = histogram_edges(values)
    return ColumnFacts(
        name=item.choice.column,
        title=item.choice.column_title,
        unit=item.measure.unit,
        direction=item.measure.direction,
        measure=item.choice.key,
        config=item.choice.config,
        names=item.names,
        revision=item.measure.revision,
        identity=item.identity,
        sha256=hashlib.sha256(_mapped(target).tobytes()).hexdigest(),
        edges=edges.tolist(),
        scale=scale,
        summary=summarise(values, edges),
        domains={name: summarise(values[codes == place], edges) for place, name in enumerate(domains)},
    )


def _mapped(path: Path) -> Float:
    return np.load(path, mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return]


def _say_what_is_missing(facts: Sequence[ColumnFacts], ctx: Context) -> None:
    for item in facts:
        if item.summary.missing or item.summary.infinite:
            ctx.log(
                f"{item.name}: no value for {item.summary.missing:,} of {item.summary.documents:,} documents, "
                f"infinite for {item.summary.infinite:,}",
                "warning",
            )
