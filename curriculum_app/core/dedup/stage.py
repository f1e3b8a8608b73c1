"""Duplicates as a stage of curation: which of the documents that the recipes kept go, why, and the report of it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from chimera.context import Context
from curriculum_app.core.configs import CurateConfig
from curriculum_app.core.curation_shard import KEPT, SKETCHES, ShardResult
from curriculum_app.core.dataset_version import DatasetVersion
from curriculum_app.core.dedup.earlier import sketches_of_version
from curriculum_app.core.dedup.exact_duplicates import exact_copies
from curriculum_app.core.dedup.groups import GROUPS_SCHEMA
from curriculum_app.core.dedup.index import Buckets, Places
from curriculum_app.core.dedup.measured import histogram, measure_bands
from curriculum_app.core.dedup.near_duplicates import Duplicate, cross_source_matrix, find_duplicates
from curriculum_app.core.dedup.shared_index import shared_bands
from curriculum_app.core.dedup.sketches import Sketches, Sketching
from curriculum_app.core.dedup.texts import Texts

EXACT_DUPLICATES, NEAR_DUPLICATES = "exact_duplicates", "near_duplicates"
WORTH_PROCESSES = 1_000_000  # documents; below that, starting processes costs more than they save
REASONS = {EXACT_DUPLICATES: "exact_duplicate", NEAR_DUPLICATES: "near_duplicate"}


@dataclass(frozen=True)
class Verdict:
    """What the row of a removed document says: which one stays, and the edge that decided.

    `kept_in` is the digest of the earlier version that holds the kept document, empty for the new version itself.
    """

    stage: str
    kept_id: str
    kept_domain: str
    kept_in: str
    jaccard: float
    edge_id: str
    edge_jaccard: float
    domain: str
    num_bytes: int


@dataclass(frozen=True)
class Found:
    """Number (over all documents that the filters kept) → why it is removed; and the reports for the manifest."""

    verdicts: Mapping[int, Verdict]
    near: dict[str, Any]
    exact: dict[str, Any]


def sketching(config: CurateConfig) -> Sketching:
    """How the documents of this curation are sketched."""
    return Sketching(config.near_duplicates, config.exact_duplicates == "cleaned")


def find_for_curation(config: CurateConfig, shards: Sequence[ShardResult], ctx: Context) -> Found:
    """Exact copies first, then near-duplicates of what is left, over all domains and against earlier versions."""
    nothing: dict[str, Any] = {"removed": 0, "matrix": {}, "seconds": 0.0}
    if not config.looks_for_duplicates:
        return Found({}, nothing, nothing)
    search = _Search(config, shards, ctx)
    copies, exact = search.exact() if config.exact_duplicates != "off" else ({}, nothing)
    near, report = search.near(copies) if config.near_duplicates.enabled else ([], nothing)
    return Found(search.verdicts(copies, near), report, exact)


class _Search:
    """Numbers count the documents of earlier versions first, then those that the filters kept."""

    def __init__(self, config: CurateConfig, shards: Sequence[ShardResult], ctx: Context) -> None:
        self.config, self.ctx = config, ctx
        near = config.near_duplicates
        earlier: list[DatasetVersion] = [ctx.open(version) for version in config.against]
        files = [sketches_of_version(version, sketching(config), ctx) for version in earlier]
        ends = np.cumsum([0] + [pq.read_metadata(file).num_rows for file in files])
        self._ends, self._digests = ends[1:], [version.digest for version in earlier]
        self.first = int(ends[-1])
        self._files = files + [shard.folder / SKETCHES for shard in shards]
        self.sketches = Sketches.read(self._files, near.num_perm if near.enabled else 0)
        self.order = self.sketches.visiting_order(near.priority, self.first)
        self.texts = Texts(
            [file for version in earlier for file in version.files] + [shard.folder / KEPT for shard in shards]
        )

    def exact(self) -> tuple[dict[int, int], dict[str, Any]]:
        """Removed → kept, and the report."""
        start = self._begin("finding exact duplicates")
        copies = exact_copies(self.sketches, self.order, self.first)
        return copies, self._report(list(copies.items()), start)

    def near(self, copies: Mapping[int, int]) -> tuple[list[Duplicate], dict[str, Any]]:
        """Near-duplicates of what is left after the exact ones, and the report."""
        near, start = self.config.near_duplicates, self._begin("finding near-duplicates")
        order = self.order[~np.isin(self.order, np.fromiter(copies, np.int64, len(copies)))]
        buckets = self._shared_buckets(order) if near.index == "redis" else None
        found = find_duplicates(self.sketches, self.texts.text, near, order=order, first=self.first, buckets=buckets)
        report = self._report([(duplicate.removed, duplicate.kept) for duplicate in found], start)
        return found, report | {
            "compared": len(order),
            "similar_to_kept": sum(duplicate.jaccard >= near.threshold for duplicate in found),
            "similarities": histogram([duplicate.jaccard for duplicate in found]),
            "measured": measure_bands(self.sketches, self.texts.text, near, order),
        }

    def _shared_buckets(self, order: Places) -> Buckets:
        """By way of the store that the processes of the job fill together."""
        workers = self.config.workers if len(self.sketches) >= WORTH_PROCESSES else 1
        added = int(np.count_nonzero(self.sketches.num_shingles))
        with shared_bands(self._files, self.config.near_duplicates, workers, self.ctx.check) as shared:
            return shared.buckets(order, len(self.sketches), added)

    def _begin(self, message: str) -> float:
        self.ctx.check()
        self.ctx.progress(0, unit="documents", message=message)
        return time.perf_counter()

    def _report(self, pairs: Sequence[tuple[int, int]], start: float) -> dict[str, Any]:
        return {
            "removed": len(pairs),
            "bytes": int(self.sketches.num_bytes[[removed for removed, _ in pairs]].sum()) if pairs else 0,
            "matrix": cross_source_matrix(pairs, self.sketches),
            "seconds": round(time.perf_counter() - start, 3),
        }

    def verdicts(self, copies: Mapping[int, int], near: Sequence[Duplicate]) -> dict[int, Verdict]:
        """The kept document is one that stays: the copy of a near-duplicate names what that one was removed for."""
        found = {item.removed - self.first: self._verdict(NEAR_DUPLICATES, item) for item in near}
        gone = {duplicate.removed: duplicate for duplicate in near}
        for removed, copy in copies.items():
            last = gone.get(copy)
            kept, similarity = (copy, 1.0) if last is None else (last.kept, last.jaccard)
            item = Duplicate(removed, kept, similarity, copy, 1.0)
            found[removed - self.first] = self._verdict(EXACT_DUPLICATES, item)
        return found

    def _verdict(self, stage: str, found: Duplicate) -> Verdict:
        sketches = self.sketches
        return Verdict(
            stage=stage,
            kept_id=sketches.id(found.kept),
            kept_domain=sketches.domain(found.kept),
            kept_in=self._version_of(found.kept),
            jaccard=found.jaccard,
            edge_id=sketches.id(found.edge),
            edge_jaccard=found.edge_jaccard,
            domain=sketches.domain(found.removed),
            num_bytes=int(sketches.num_bytes[found.removed]),
        )

    def _version_of(self, number: int) -> str:
        return self._digests[int(np.searchsorted(self._ends, number, side="right"))] if number < self.first else ""


def write_groups(path: Path, verdicts: Mapping[int, Verdict]) -> None:
    """One row for each kept document with what was removed for it, the largest group first."""
    groups: dict[tuple[str, str, str], list[Verdict]] = {}
    for verdict in verdicts.values():
        groups.setdefault((verdict.kept_in, verdict.kept_id, verdict.kept_domain), []).append(verdict)
    rows = [_group_row(members) for _, members in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))]
    pq.write_table(pa.Table.from_pylist(rows, GROUPS_SCHEMA), path, compression="zstd")


def _group_row(members: Sequence[Verdict]) -> dict[str, Any]:
    first = members[0]
    return {
        "kept_id": first.kept_id,
        "kept_domain": first.kept_domain,
        "kept_in": first.kept_in,
        "documents": len(members),
        "bytes": sum(member.num_bytes for member in members),
        "exact": sum(member.stage == EXACT_DUPLICATES for member in members),
        "least": min(member.jaccard for member in members),
        "most": max(member.jaccard for member in members),
        "domains": sorted({member.domain for member in members}),
    }
