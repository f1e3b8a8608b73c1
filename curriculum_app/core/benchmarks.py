"""`Benchmark`: the items of a benchmark as an immutable artefact, whole as they were given and as one text each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq

from chimera.artefacts import ArtefactStore, Opened, Stored
from chimera.typed import canonical_json
from curriculum_app.core.benchmark_words import gram_hashes, word_hashes, words_of
from curriculum_app.core.parquet_rows import RowWriter, read_rows

SCHEMA_NAME = "chimera.benchmark/1"
ITEMS_FILE = "items.parquet"
GRAM_WORDS = 13  # of the count shown with a benchmark; a curation chooses its own
_FIELDS = ("id", "task", "parts", "record", "source", "license")
_SCHEMA = pa.schema([(name, pa.string()) for name in _FIELDS])


@dataclass(frozen=True, slots=True)
class Item:
    """One question of a benchmark. `record` is the whole record as given, `parts` what of it must not be trained on."""

    id: str
    task: str
    parts: tuple[str, ...]
    record: Mapping[str, Any]
    source: str = ""
    license: str = ""

    @property
    def text(self) -> str:
        """The parts, one under the other."""
        return "\n".join(self.parts)

    def as_row(self) -> dict[str, str]:
        row = {name: getattr(self, name) for name in _FIELDS}
        return row | {name: canonical_json(row[name]).decode() for name in ("parts", "record")}

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Item:
        values = {name: row[name] for name in _FIELDS}
        return cls(**values | {"parts": tuple(json.loads(row["parts"])), "record": json.loads(row["record"])})


class Benchmark(Opened):
    """A sealed benchmark. Items are read one after the other; their order is that of the file."""

    ref_kind: ClassVar[str] = "benchmark"

    @property
    def name(self) -> str:
        return str(self.manifest["name"])

    @property
    def num_items(self) -> int:
        return int(self.manifest["counts"]["items"])

    @property
    def _path(self) -> Path:
        return self.stored.path / ITEMS_FILE

    def iter_items(self) -> Iterator[Item]:
        return map(Item.from_row, read_rows(self._path))

    def iter_parts(self) -> Iterator[tuple[str, list[str]]]:
        """`(id, parts)` of every item."""
        with pq.ParquetFile(self._path) as file:
            for batch in file.iter_batches(batch_size=512, columns=["id", "parts"]):
                for row in batch.to_pylist():
                    yield row["id"], json.loads(row["parts"])

    def items(self, offset: int = 0, limit: int = 50) -> list[Item]:
        """One page of items."""
        rows: list[dict[str, Any]] = pq.read_table(self._path).slice(offset, limit).to_pylist()
        return [Item.from_row(row) for row in rows]

    def find(self, item_id: str) -> Item | None:
        """The item of that id, None if there is none."""
        rows = pq.read_table(self._path, filters=[("id", "==", item_id)]).to_pylist()
        return Item.from_row(rows[0]) if rows else None


def save_benchmark(store: ArtefactStore, items: Iterable[Item], facts: Mapping[str, Any]) -> Stored:
    """Seal the items. The digest is that of `facts["recipe"]` and the items in order; other facts are only kept.

    `facts` may be filled while `items` runs: it is read afterwards.
    """
    counted = _Counted()
    with store.stage(Benchmark.ref_kind) as stage:
        with RowWriter(stage.path / ITEMS_FILE, _SCHEMA) as rows:
            for item in items:
                row = item.as_row()
                rows.add(row)
                counted.add(item, row)
        digest = hashlib.sha256(canonical_json(facts["recipe"]) + b"\n" + counted.sha.digest()).hexdigest()
        return stage.seal(digest, {**facts, **counted.facts(), "schema": SCHEMA_NAME})


class _Counted:
    """Hash and counts of items."""

    def __init__(self) -> None:
        self.sha = hashlib.sha256()
        self._tasks: dict[str, int] = {}
        self._licenses: dict[str, int] = {}
        self._grams: set[int] = set()
        self._words = 0
        self._cache: dict[str, int] = {}

    def add(self, item: Item, row: Mapping[str, str]) -> None:
        self.sha.update(canonical_json(row) + b"\n")
        self._tasks[item.task] = self._tasks.get(item.task, 0) + 1
        self._licenses[item.license] = self._licenses.get(item.license, 0) + 1
        words = words_of(item.text)
        self._words += len(words)
        for _, hashes in gram_hashes(word_hashes(words, self._cache), {GRAM_WORDS}):
            self._grams.update(hashes.tolist())

    def facts(self) -> dict[str, Any]:
        return {
            "counts": {"items": sum(self._tasks.values()), "words": self._words, "grams": len(self._grams)},
            "tasks": dict(sorted(self._tasks.items())),
            "licenses": dict(sorted(self._licenses.items())),
        }
