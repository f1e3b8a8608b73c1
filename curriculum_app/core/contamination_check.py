"""Decontamination as a stage of curation: what a shard does with it, and the report over all shards."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from chimera.typed import Config
from curriculum_app.core.benchmarks import Benchmark
from curriculum_app.core.dataset_version import DroppedDocument
from curriculum_app.core.decontamination import GramIndex
from curriculum_app.core.documents import Document
from curriculum_app.core.pipeline import StageCounts

DECONTAMINATION = "decontamination"
CONTAMINATION_FILE = "contamination.parquet"
CONTAMINATION_SCHEMA = pa.schema(
    [
        ("document_id", pa.string()),
        ("domain", pa.string()),
        ("benchmark", pa.string()),
        ("item", pa.string()),
        ("shared", pa.int64()),
        ("dropped", pa.bool_()),
    ]
)


class CheckTask(Config):
    """What a worker process needs: where the index lies, and what is too much."""

    index: str
    min_matches: int
    drop: bool


class ContaminationCheck:
    """The stage over the documents of one shard. Whether a document stays depends on nothing but its text."""

    def __init__(self, task: CheckTask) -> None:
        self._task = task
        self._index = _opened(task.index)
        self._counts: dict[str, StageCounts] = {}

    def judge(self, document: Document) -> tuple[Document | DroppedDocument, list[dict[str, Any]]]:
        """The document or why it goes; and a row of `CONTAMINATION_SCHEMA` for every item found in it."""
        counts = self._of(document.domain)
        start = time.perf_counter()
        found = [match for match in self._index.matches(document.text) if match.shared >= self._task.min_matches]
        counts.seconds += time.perf_counter() - start
        rows = [
            {
                "document_id": document.id,
                "domain": document.domain,
                "benchmark": match.benchmark,
                "item": item,
                "shared": shared,
                "dropped": self._task.drop,
            }
            for match in found
            for item, shared in match.items
        ]
        if not found or not self._task.drop:
            counts.keep(document, document)
            return document, rows
        worst = found[0]
        counts.drop(document, worst.reason)
        dropped = DroppedDocument(
            document,
            DECONTAMINATION,
            worst.reason,
            float(worst.shared),
            benchmark=worst.benchmark,
            item=worst.items[0][0],
        )
        return dropped, rows

    def counts(self, domain: str) -> dict[str, Any]:
        return self._of(domain).as_json()

    def _of(self, domain: str) -> StageCounts:
        return self._counts.setdefault(domain, StageCounts(DECONTAMINATION))


@lru_cache(maxsize=2)
def _opened(folder: str) -> GramIndex:
    return GramIndex(Path(folder))


class ContaminationReport:
    """Counts, per benchmark, the items found and the documents that hold them."""

    def __init__(self, benchmarks: Sequence[Benchmark]) -> None:
        self._benchmarks = benchmarks
        self._items: dict[str, set[str]] = {each.digest: set() for each in benchmarks}
        self._documents: dict[str, set[tuple[str, str]]] = {each.digest: set() for each in benchmarks}

    def pass_on(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        """The same rows, counted."""
        for row in rows:
            self._items[row["benchmark"]].add(row["item"])
            self._documents[row["benchmark"]].add((row["domain"], row["document_id"]))
            yield row

    def facts(self) -> dict[str, dict[str, Any]]:
        """For the manifest: digest → name, items, items found, documents that hold one."""
        return {
            each.digest: {
                "name": each.name,
                "items": each.num_items,
                "found": len(self._items[each.digest]),
                "documents": len(self._documents[each.digest]),
            }
            for each in self._benchmarks
        }
