"""Duplicates as a stage of curation: which of the documents that the recipes kept go, why, and the report of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from chimera.context import Context
from curriculum_app.core.configs import CurateConfig
from curriculum_app.core.curation_shard import KEPT, ShardResult
from curriculum_app.core.dedup.measured import histogram, measure_bands
from curriculum_app.core.dedup.near_duplicates import Duplicate, Sketch, cross_source_matrix, find_duplicates

_OPEN_FILES = 16


@dataclass(frozen=True)
class Verdict:
    """What the row of a removed document says: which one stays, and the edge that decided."""

    kept_id: str
    jaccard: float
    edge_id: str
    edge_jaccard: float


def find_for_curation(
    config: CurateConfig, shards: Sequence[ShardResult], ctx: Context
) -> tuple[dict[int, Verdict], dict[str, Any]]:
    """Number (over all documents that the filters kept) → why it is removed; and the report for the manifest."""
    near = config.near_duplicates
    if not near.enabled:
        return {}, {"removed": 0, "matrix": {}, "seconds": 0.0}
    ctx.check()
    ctx.progress(0, unit="documents", message="finding near-duplicates")
    start = time.perf_counter()
    sketches = [sketch for shard in shards for sketch in shard.sketches()]
    texts = Texts(shards)
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


def _verdict(found: Duplicate, sketches: Sequence[Sketch]) -> Verdict:
    return Verdict(sketches[found.kept].id, found.jaccard, sketches[found.edge].id, found.edge_jaccard)


class Texts:
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
