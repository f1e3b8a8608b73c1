"""Rows in and out of Parquet in constant memory: one writer and one reader for shards, rejects and quarantine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

ROW_GROUP_ROWS = 256
ROW_GROUP_BYTES = 2 << 20


class RowWriter:
    """Appends rows to one Parquet file (zstd).

    A row group is closed after `row_group_rows` rows or about 2 MiB of text, so memory stays flat however long a
    document is, and a row group is a sensible unit of work.
    """

    def __init__(self, path: Path, schema: pa.Schema, row_group_rows: int = ROW_GROUP_ROWS) -> None:
        self._writer = pq.ParquetWriter(path, schema, compression="zstd")
        self._schema = schema
        self._row_group_rows = row_group_rows
        self._rows: list[Mapping[str, Any]] = []
        self._bytes = 0
        self._groups = 0

    @property
    def position(self) -> tuple[int, int]:
        """Where the next row will stand: its row group and its place in it."""
        return self._groups, len(self._rows)

    def add(self, row: Mapping[str, Any]) -> None:
        self._rows.append(row)
        self._bytes += sum(len(value) for value in row.values() if isinstance(value, str | bytes))
        if len(self._rows) >= self._row_group_rows or self._bytes >= ROW_GROUP_BYTES:
            self._flush()

    def extend(self, rows: Iterable[Mapping[str, Any]]) -> None:
        for row in rows:
            self.add(row)

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, self._schema))
            self._groups += 1
        self._rows, self._bytes = [], 0

    def add_metadata(self, entries: Mapping[bytes, bytes]) -> None:
        """Key-value pairs for the footer of the file; they need not be known before the rows are written."""
        self._writer.add_key_value_metadata(entries)

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_rows(path: Path, row_group: int | None = None) -> Iterator[dict[str, Any]]:
    """The rows of a file, or of one of its row groups, read 64 at a time."""
    with pq.ParquetFile(path) as file:
        groups = None if row_group is None else [row_group]
        for batch in file.iter_batches(batch_size=64, row_groups=groups):
            yield from batch.to_pylist()
