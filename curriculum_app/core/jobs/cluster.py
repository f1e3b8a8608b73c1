"""The kind `cluster`: embed every document, find clusters, describe and judge them (pure)."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chimera.artefacts import Stored, write_json
from chimera.context import Context
from chimera.errors import InputError, Problem
from chimera.typed import sha256_json
from curriculum_app.core.already_made import key_of, make_once
from curriculum_app.core.clustering import artefact, judging
from curriculum_app.core.clustering.config import ClusterConfig, usual_number
from curriculum_app.core.clustering.embedding import ENCODER, VECTORS, embed_all, fit_encoder, sample_rows
from curriculum_app.core.clustering.kmeans import Assignment, assign, find_centres, largest_first
from curriculum_app.core.clustering.naming import ClassTerms, suggested_name
from curriculum_app.core.dataset_version import DatasetVersion
from curriculum_app.core.encoders.base import Encoder, Vectors, require, unit_rows
from curriculum_app.core.packing import Int
from curriculum_app.core.parquet_rows import RowWriter
from curriculum_app.core.sequences import array_digest

SHOWN = 5  # exemplars and documents at the border, per cluster
EXCERPT = 1200  # characters of each
_CHECK_EVERY = 256


@dataclass(frozen=True)
class ClusteringResult:
    """A stored `Clustering`."""

    stored: Stored


@dataclass(frozen=True)
class _Found:
    """What k-means gave: centres, the assignment of all rows, and the rows it learned from."""

    centres: Vectors
    assignment: Assignment
    rows: Int
    stability: float


def run(config: ClusterConfig, ctx: Context) -> ClusteringResult:
    """Cluster a dataset version; a stopped job keeps the vectors it has, and the same is not done twice.

    Raises:
        InputError: the encoder is not on this machine, no words, or more clusters than documents.
    """
    dataset = ctx.open(config.dataset)
    fresh: Encoder = config.encoder.build()
    require(fresh)
    recipe = config.model_dump(mode="json", exclude={"name", "dataset"})

    def key() -> str | None:
        return key_of("cluster", {"recipe": recipe, "dataset": dataset.digest, "encoder": fresh.name})

    kind = artefact.Clustering.ref_kind
    return ClusteringResult(make_once(ctx, kind, key, lambda: _make(config, dataset, recipe, ctx)))


def _make(config: ClusterConfig, dataset: DatasetVersion, recipe: dict[str, Any], ctx: Context) -> Stored:
    clusters = _number_of_clusters(config, dataset)
    scratch = ctx.scratch / f"cluster-{sha256_json([recipe, dataset.digest])[:16]}"
    scratch.mkdir(parents=True, exist_ok=True)
    encoder, vectors = _embed(config, dataset, scratch, ctx)
    ctx.progress(0, 3, "steps", f"looking for {clusters} clusters")
    found = _cluster(config, clusters, vectors)
    ctx.check()
    meaning = {
        "recipe": recipe,
        "dataset": dataset.digest,
        "encoder": encoder.name,
        "assignment": array_digest(found.assignment.cluster),
        "centres": array_digest(found.centres),
    }
    with ctx.store.stage(artefact.Clustering.ref_kind) as stage:
        manifest = _write(stage.path, config, dataset, vectors, found, ctx)
        shutil.copyfile(scratch / VECTORS, stage.path / VECTORS)
        shutil.copytree(scratch / ENCODER, stage.path / ENCODER)
        stored = stage.seal(sha256_json(meaning), {"name": config.name, **meaning, **manifest})
    ctx.progress(3, 3, "steps")
    ctx.log(_summary(manifest))
    return stored


def _number_of_clusters(config: ClusterConfig, dataset: DatasetVersion) -> int:
    wanted, there = config.clusters, dataset.num_documents
    if wanted is None and there >= 2:
        return usual_number(there)
    if wanted is None or wanted > there:
        message = f"{wanted or 2} clusters of {there} documents cannot be"
        raise InputError(Problem(message, field="clusters", hint=f"at most {there}, or a larger dataset"))
    return wanted


def _embed(
    config: ClusterConfig, dataset: DatasetVersion, scratch: Path, ctx: Context
) -> tuple[Encoder, NDArray[np.float16]]:
    total = dataset.num_documents
    ctx.progress(0, total, "documents", "fitting the encoder")
    rows = sample_rows(total, config.sample, config.seed)
    encoder = fit_encoder(config.encoder, dataset.iter_documents, rows, scratch)

    def report(done: int) -> None:
        ctx.progress(done, total, "documents", f"embedding with {encoder.name}")
        ctx.check()

    return encoder, embed_all(encoder, dataset.iter_documents, total, scratch, report)


def _cluster(config: ClusterConfig, clusters: int, vectors: NDArray[np.float16]) -> _Found:
    """Centres from a sample, all rows assigned; a second seed tells how stable the result is."""
    rows = sample_rows(len(vectors), config.sample, config.seed)
    sample = unit_rows(np.asarray(vectors[rows], dtype=np.float32))
    how = {"iterations": config.iterations, "restarts": config.restarts}
    centres = find_centres(sample, clusters, **how, seed=config.seed)
    other = find_centres(sample, clusters, **how, seed=config.seed + 1)
    assignment, centres = largest_first(assign(vectors, centres), centres)
    stability = judging.agreement(assignment.cluster[rows], assign(sample, other).cluster)
    return _Found(centres, assignment, rows, stability)


def _write(
    path: Path,
    config: ClusterConfig,
    dataset: DatasetVersion,
    vectors: NDArray[np.float16],
    found: _Found,
    ctx: Context,
) -> dict[str, Any]:
    """All files but vectors and encoder; gives the rest of the manifest."""
    given = found.assignment
    np.save(path / artefact.CENTRES, found.centres, allow_pickle=False)
    np.savez(
        path / artefact.ASSIGNMENT, cluster=given.cluster.astype(np.int32), cosine=given.cosine, margin=given.margin
    )
    ctx.progress(1, 3, "steps", "reading what the clusters hold")
    shown = sample_rows(len(vectors), judging.MAP_POINTS, config.seed)
    survey = _Survey(found, shown)
    with RowWriter(path / artefact.DOCUMENTS, artefact.DOCUMENTS_SCHEMA, 4096) as writer:
        for row in survey.read(dataset, ctx):
            writer.add(row)
    described = survey.describe()
    write_json(path / artefact.CLUSTERS, described)
    ctx.progress(2, 3, "steps", f"drawing the map of {len(shown):,} documents")
    unit = unit_rows(np.asarray(vectors[shown], dtype=np.float32))
    points, how = judging.lay_out(unit, config.seed)
    columns = {"row": shown.tolist(), "x": points[:, 0].tolist(), "y": points[:, 1].tolist()}
    columns["cluster"] = given.cluster[shown].tolist()
    write_json(path / artefact.MAP, columns | survey.map_columns())
    return {
        "clusters": len(described),
        "documents": len(vectors),
        "dimensions": int(vectors.shape[1]),
        "largest": described[0]["documents"],
        "smallest": described[-1]["documents"],
        "quality": {
            "cohesion": round(float(given.cosine.mean()), 4),
            "silhouette": judging.silhouette(unit, given.cluster[shown]),
            "silhouette_documents": len(shown),
            "stability": found.stability,
            "learned_from": len(found.rows),
        },
        "map": {**how, "points": len(shown)},
    }


class _Survey:
    """One pass over the documents: sizes, domains, words, and the texts that are shown."""

    def __init__(self, found: _Found, shown: Int) -> None:
        self._given = found.assignment
        count = len(found.centres)
        self._exemplars = _first_per_cluster(self._given.cluster, -self._given.cosine, count)
        self._boundary = _first_per_cluster(self._given.cluster, self._given.margin, count)
        self._to_read = {row for rows in [*self._exemplars, *self._boundary] for row in rows}
        self._learned = set(found.rows.tolist())
        self._on_map = set(shown.tolist())
        self._excerpts: dict[int, dict[str, Any]] = {}
        self._points: list[tuple[str, str, str]] = []
        self._terms = ClassTerms(count)
        self._bytes = [0] * count
        self._domains: list[Counter[str]] = [Counter() for _ in range(count)]

    def read(self, dataset: DatasetVersion, ctx: Context) -> Iterator[dict[str, Any]]:
        """Rows of `documents.parquet`."""
        for row, document in enumerate(dataset.iter_documents()):
            if row % _CHECK_EVERY == 0:
                ctx.check()
            cluster, size = int(self._given.cluster[row]), document.num_bytes
            self._bytes[cluster] += size
            self._domains[cluster][document.domain] += 1
            if row in self._learned:
                self._terms.add(cluster, document.text)
            if row in self._on_map:
                self._points.append((document.id, document.title, document.domain))
            line = {"id": document.id, "title": document.title, "domain": document.domain, "bytes": size}
            if row in self._to_read:
                self._excerpts[row] = {**line, "text": document.text[:EXCERPT], "cut": len(document.text) > EXCERPT}
            yield line

    def describe(self) -> list[dict[str, Any]]:
        """The facts of every cluster, for `clusters.json`."""
        return [self._cluster(number, terms) for number, terms in enumerate(self._terms.weights())]

    def _cluster(self, number: int, terms: list[tuple[str, float]]) -> dict[str, Any]:
        cosine = self._given.cosine[self._given.cluster == number]
        return {
            "number": number,
            "name": suggested_name([term for term, _ in terms]),
            "terms": terms,
            "documents": len(cosine),
            "bytes": self._bytes[number],
            "domains": sorted(self._domains[number].items(), key=lambda item: (-item[1], item[0])),
            "cohesion": round(float(cosine.mean()), 4),
            "exemplars": [self._shown(row) for row in self._exemplars[number]],
            "boundary": [self._shown(row) for row in self._boundary[number]],
        }

    def _shown(self, row: int) -> dict[str, Any]:
        cosine, margin = float(self._given.cosine[row]), float(self._given.margin[row])
        return {**self._excerpts[row], "cosine": round(cosine, 4), "margin": round(margin, 4)}

    def map_columns(self) -> dict[str, list[Any]]:
        names = ("id", "title", "domain")
        return {name: [point[at] for point in self._points] for at, name in enumerate(names)}


def _first_per_cluster(cluster: Int, key: NDArray[np.float32], count: int) -> list[list[int]]:
    """Per cluster the rows with the smallest keys; of equal ones the first."""
    order = np.lexsort((key, cluster))
    ends = np.cumsum(np.bincount(cluster, minlength=count))
    starts = np.concatenate([[0], ends[:-1]])
    return [order[start : min(start + SHOWN, end)].tolist() for start, end in zip(starts, ends, strict=True)]


def _summary(manifest: dict[str, Any]) -> str:
    quality = manifest["quality"]
    return (
        f"{manifest['clusters']} clusters of {manifest['documents']:,} documents; silhouette {quality['silhouette']}, "
        f"agreement with another seed {quality['stability']}"
    )
