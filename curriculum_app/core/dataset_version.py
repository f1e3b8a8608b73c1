"""`DatasetVersion`: immutable Parquet shards of documents with a manifest, opened from the artefact store."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq

from chimera.artefacts import Opened, Stored
from curriculum_app.core.documents import FIELDS, Document, RecordHash
from curriculum_app.core.media_store import read_media
from curriculum_app.core.media_types import Blob
from curriculum_app.core.modalities import ModalityCounts, has_modality
from curriculum_app.core.parquet_rows import ROW_GROUP_ROWS, RowWriter, read_rows
from curriculum_app.core.text_facts import TextFacts

SCHEMA_NAME = "chimera.dataset/1"
DOCUMENT_SCHEMA = pa.schema([(name, pa.string()) for name in FIELDS])
DROPPED_SCHEMA = pa.schema(
    [
        *DOCUMENT_SCHEMA,
        ("stage", pa.string()),
        ("reason", pa.string()),
        ("statistic", pa.float64()),
        ("kept_id", pa.string()),
        ("jaccard", pa.float64()),
        ("edge_id", pa.string()),
        ("benchmark", pa.string()),
        ("item", pa.string()),
        ("kept_in", pa.string()),
    ]
)
QUARANTINE_SCHEMA = pa.schema(
    [("file", pa.string()), ("line", pa.int64()), ("reason", pa.string()), ("excerpt", pa.string())]
)
DROPPED_FILE = "dropped.parquet"
QUARANTINE_FILE = "quarantine.parquet"
_WHY = ("stage", "reason", "statistic", "kept_id", "jaccard", "edge_id", "benchmark", "item", "kept_in")


@dataclass(frozen=True)
class DroppedDocument:
    """A document that curation removed, as it came into the stage that removed it.

    `statistic` is the number the stage compared with its threshold. Duplicates only: `kept_id` is the document
    that was kept instead, `jaccard` the exact similarity to it; `edge_id` is the document to which the similarity is
    `statistic`, the kept one itself unless there is a chain. `kept_in` is the digest of the earlier version that
    holds the kept one, None for the version itself. Decontamination only: `benchmark` is
    the digest of the benchmark and `item` the id of its item that shares most with the document.
    """

    document: Document
    stage: str
    reason: str
    statistic: float | None = None
    kept_id: str | None = None
    jaccard: float | None = None
    edge_id: str | None = None
    benchmark: str | None = None
    item: str | None = None
    kept_in: str | None = None

    def as_row(self) -> dict[str, Any]:
        return self.document.as_row() | {name: getattr(self, name) for name in _WHY}

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> DroppedDocument:
        why: dict[str, Any] = {name: row.get(name) for name in _WHY}
        return cls(Document.from_row(row), **why)


@dataclass(frozen=True)
class QuarantinedRecord:
    """A record that could not be read: where it stands, why, and its first characters."""

    file: str
    line: int
    reason: str
    excerpt: str

    def as_row(self) -> dict[str, Any]:
        return {"file": self.file, "line": self.line, "reason": self.reason, "excerpt": self.excerpt}


@dataclass(frozen=True)
class VersionResult:
    """What the jobs `import` and `curate` give: the sealed dataset version."""

    stored: Stored


class DatasetVersion(Opened):
    """A sealed dataset version. Reading is streaming: no method holds the corpus in memory."""

    ref_kind: ClassVar[str] = "dataset"

    @property
    def domains(self) -> list[str]:
        return list(self.manifest["domains"])

    @property
    def num_documents(self) -> int:
        return int(self.manifest["counts"]["documents"])

    @property
    def files(self) -> list[Path]:
        """The Parquet shards in order."""
        return sorted(self.stored.path.glob("documents-*.parquet"))

    def iter_documents(self, domain: str | None = None) -> Iterator[Document]:
        """Every document in order, or those of one domain."""
        for path in self.files:
            for row in read_rows(path):
                if domain in (None, row["domain"]):
                    yield Document.from_row(row)

    def documents(
        self, domain: str | None = None, offset: int = 0, limit: int = 50, modality: str | None = None
    ) -> list[Document]:
        """One page of documents, optionally of one domain or modality."""
        condition = has_modality(modality) if modality else None
        rows = _page(self.files, DOCUMENT_SCHEMA, {"domain": domain}, offset, limit, condition)
        return [Document.from_row(row) for row in rows]

    def media(self, sha256: str) -> Blob | None:
        """The bytes that a document's `Media` names, None if only their address is known."""
        return read_media(self.stored.path, sha256)

    def dropped(
        self, stage: str | None = None, domain: str | None = None, offset: int = 0, limit: int = 50
    ) -> list[DroppedDocument]:
        """One page of what curation removed, optionally of one stage or domain; empty for a raw version."""
        wanted = {"stage": stage, "domain": domain}
        rows = _page(self._optional(DROPPED_FILE), DROPPED_SCHEMA, wanted, offset, limit)
        return [DroppedDocument.from_row(row) for row in rows]

    def documents_at(self, rows: Sequence[int]) -> list[Document]:
        """The documents at these places of the order, in the given order; reads only the row groups that hold them.

        Raises:
            IndexError: there is no such place.
        """
        found: dict[int, Document] = {}
        wanted, start = sorted(set(rows)), 0
        for path, group, size in self.row_groups():
            inside = wanted[bisect_left(wanted, start) : bisect_left(wanted, start + size)]
            if inside:
                table = _row_group(path, group)
                found |= {row: Document.from_row(table.slice(row - start, 1).to_pylist()[0]) for row in inside}
            start += size
        if missing := [row for row in rows if row not in found]:
            raise IndexError(f"no such document: {missing[0]} of {start}")
        return [found[row] for row in rows]

    def dropped_for(
        self, kept_id: str, at_most: int, kept_in: str | None = None, document_id: str | None = None
    ) -> list[DroppedDocument]:
        """Documents that were dropped because `kept_id` was kept, the first `at_most`.

        With `kept_in`, those for which the version of this digest has it; with `document_id`, those of this id.
        """
        wanted = {"kept_id": kept_id, "kept_in": kept_in, "id": document_id}
        rows = _page(self._optional(DROPPED_FILE), DROPPED_SCHEMA, wanted, 0, at_most)
        return [DroppedDocument.from_row(row) for row in rows]

    def find(self, document_id: str, domain: str | None = None) -> Document | DroppedDocument | None:
        """The first document of that id (and domain), else the first dropped one, else None."""
        wanted = {"id": document_id, "domain": domain}
        for row in _page(self.files, DOCUMENT_SCHEMA, wanted, 0, 1):
            return Document.from_row(row)
        for row in _page(self._optional(DROPPED_FILE), DROPPED_SCHEMA, wanted, 0, 1):
            return DroppedDocument.from_row(row)
        return None

    def numbers_of(self, ids: Container[str]) -> list[int]:
        """Numbers of the documents with these ids, in order."""
        return [number for number, name in enumerate(self._column("id")) if name in ids]

    def numbers_containing(self, phrase: str, at_most: int, without: Container[int] = ()) -> list[int]:
        """Numbers of the first documents whose text holds `phrase`, upper and lower case alike."""
        wanted = phrase.lower()
        found = (number for number, text in enumerate(self._column("text")) if wanted in text.lower())
        return list(islice((number for number in found if number not in without), at_most))

    def _column(self, name: str) -> Iterator[str]:
        for path in self.files:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(batch_size=256, columns=[name]):
                    yield from batch.column(0).to_pylist()

    def quarantine(self, offset: int = 0, limit: int = 50) -> list[QuarantinedRecord]:
        """One page of the records that import could not use; empty for a curated version."""
        rows = _page(self._optional(QUARANTINE_FILE), QUARANTINE_SCHEMA, {}, offset, limit)
        return [QuarantinedRecord(**row) for row in rows]

    def row_groups(self) -> Iterator[tuple[Path, int, int]]:
        """`(file, row group, documents in it)` in order: the units of parallel work over this version."""
        for path in self.files:
            metadata = pq.read_metadata(path)
            for index in range(metadata.num_row_groups):
                yield path, index, metadata.row_group(index).num_rows

    def _optional(self, name: str) -> list[Path]:
        path = self.stored.path / name
        return [path] if path.is_file() else []


def _page(
    files: list[Path],
    schema: pa.Schema,
    wanted: Mapping[str, str | None],
    offset: int,
    limit: int,
    condition: pads.Expression | None = None,
) -> list[dict[str, Any]]:
    """Rows `offset ... offset + limit - 1` among those that meet `condition` and whose columns equal `wanted`
    (None = any). A column of `schema` that files of an earlier time lack is null in them."""
    if not files:
        return []
    for column, value in wanted.items():
        if value is not None:
            term = pads.field(column) == value
            condition = term if condition is None else condition & term
    rows_of = pads.dataset([str(path) for path in files], schema=schema)
    scanner = rows_of.scanner(filter=condition, batch_size=64, batch_readahead=1)
    rows: list[dict[str, Any]] = scanner.head(offset + limit).slice(offset).to_pylist()
    return rows


def _row_group(path: Path, group: int) -> pa.Table:
    with pq.ParquetFile(path) as file:
        return file.read_row_group(group)


class DatasetWriter:
    """Writes `documents-*.parquet` in order and knows their digest and counts afterwards."""

    def __init__(
        self,
        directory: Path,
        recipe: Mapping[str, Any],
        *,
        documents_per_file: int = 50_000,
        row_group_rows: int = ROW_GROUP_ROWS,
    ) -> None:
        self._directory = directory
        self._documents_per_file = documents_per_file
        self._row_group_rows = row_group_rows
        self._hash = RecordHash(recipe)
        self._rows: RowWriter | None = None
        self.domains: dict[str, dict[str, int]] = {}
        self.licenses: dict[str, int] = {}
        self.text = TextFacts()
        self._modalities = ModalityCounts()
        self.num_documents = 0

    def add(self, document: Document) -> None:
        if self.num_documents % self._documents_per_file == 0:
            self._next_file()
        assert self._rows is not None
        self._rows.add(document.as_row())
        self._hash.add(document)
        self.num_documents += 1
        counts = self.domains.setdefault(document.domain, {"documents": 0, "bytes": 0})
        counts["documents"] += 1
        counts["bytes"] += document.num_bytes
        self.licenses[document.license] = self.licenses.get(document.license, 0) + 1
        self.text.add(document)
        self._modalities.add(document)

    def _next_file(self) -> None:
        self.close()
        path = self._directory / f"documents-{self.num_documents // self._documents_per_file:05d}.parquet"
        self._rows = RowWriter(path, DOCUMENT_SCHEMA, self._row_group_rows)

    def close(self) -> None:
        if self._rows is not None:
            self._rows.close()
            self._rows = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def digest(self) -> str:
        """Hex sha256 of the recipe and the records in order: the id of the version."""
        return self._hash.hexdigest()

    def facts(self) -> dict[str, Any]:
        """The part of the manifest that describes the records."""
        total = sum(counts["bytes"] for counts in self.domains.values())
        return {
            "schema": SCHEMA_NAME,
            "counts": {"documents": self.num_documents, "bytes": total},
            "domains": dict(sorted(self.domains.items())),
            "licenses": dict(sorted(self.licenses.items())),
            "text": self.text.as_json(),
            "modalities": self._modalities.facts(),
        }
