"""The media of a dataset version: Parquet shards of bytes, each content once, and an index to find one of them.

`media-00000.parquet` ... hold sha256, type, mime and bytes in row groups of about 2 MiB, so that one item is read
without many others. `media-index.parquet` says, sorted by sha256, in which shard, row group and row an item stands.
"""

from __future__ import annotations

import heapq
import os
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from curriculum_app.core.documents import Media
from curriculum_app.core.media_types import Blob
from curriculum_app.core.parquet_rows import RowWriter, read_rows

MEDIA_SCHEMA = pa.schema(
    [("sha256", pa.string()), ("type", pa.string()), ("mime", pa.string()), ("bytes", pa.binary())]
)
_INDEX_SCHEMA = pa.schema(
    [("sha256", pa.string()), ("file", pa.int32()), ("row_group", pa.int32()), ("row", pa.int32())]
)
_INDEX_FILE = "media-index.parquet"
_INDEX_ROWS = 4096
_ROWS_PER_GROUP = 64
SHARD_BYTES = 256 << 20


def shards_of(folder: Path) -> list[Path]:
    """The media shards of a version's folder in order; none if it has no media."""
    return sorted(folder.glob("media-[0-9]*.parquet"))


class MediaWriter:
    """Writes the media of one version in constant memory; what was written before is not written again.

    Text-only versions get no file.
    """

    def __init__(self, folder: Path, shard_bytes: int = SHARD_BYTES) -> None:
        self._folder, self._shard_bytes = folder, shard_bytes
        self._database = sqlite3.connect("", isolation_level=None)  # a nameless file: memory stays flat
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute(
            "CREATE TABLE media (sha256 TEXT PRIMARY KEY, file INT, row_group INT, row INT) WITHOUT ROWID"
        )
        self._database.execute("BEGIN")
        self._rows: RowWriter | None = None
        self._files = 0
        self._bytes_in_file = 0

    def add(self, blob: Blob) -> Media:
        """Store the bytes unless they are there; how a document names them."""
        media = blob.described()
        place = self._writer().position
        added = self._database.execute(
            "INSERT OR IGNORE INTO media VALUES (?, ?, ?, ?)", (media.sha256, self._files - 1, *place)
        ).rowcount
        if added:
            self._writer().add({"sha256": media.sha256, "type": media.type, "mime": media.mime, "bytes": blob.data})
            self._bytes_in_file += len(blob.data)
        return media

    def _writer(self) -> RowWriter:
        if self._rows is not None and self._bytes_in_file >= self._shard_bytes:
            self._close_file()
        if self._rows is None:
            path = self._folder / f"media-{self._files:05d}.parquet"
            self._rows = RowWriter(path, MEDIA_SCHEMA, _ROWS_PER_GROUP)
            self._files += 1
        return self._rows

    def _close_file(self) -> None:
        if self._rows is not None:
            self._rows.close()
        self._rows, self._bytes_in_file = None, 0

    def close(self) -> None:
        self._close_file()
        if self._files:
            rows = self._database.execute("SELECT sha256, file, row_group, row FROM media ORDER BY sha256")
            _write_index(self._folder, (dict(zip(_INDEX_SCHEMA.names, row, strict=True)) for row in rows))
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_media(folder: Path, sha256: str) -> Blob | None:
    """One item of a version by the sha256 of its bytes, None if the version does not hold it."""
    if not (folder / _INDEX_FILE).is_file():
        return None
    places = pq.read_table(folder / _INDEX_FILE, filters=[("sha256", "==", sha256)]).to_pylist()
    if not places:
        return None
    (place,) = places
    with pq.ParquetFile(folder / f"media-{place['file']:05d}.parquet") as file:
        group = file.read_row_group(place["row_group"], columns=["mime", "bytes"])
    row = group.slice(place["row"], 1).to_pylist()[0]
    return Blob(row["mime"], row["bytes"])


def carry_media(parents: Sequence[Path], folder: Path) -> None:
    """Give a version made from `parents` (their folders) all media of theirs.

    The shards are linked, not written anew: they are immutable, so it costs no time and no disk, and the documents
    that were removed, which stay readable with their reasons, keep their images too. A link outlives the deletion of
    the parent. Where the file system has no hard links, the files are copied.
    """
    indexes, count = [], 0
    seen: dict[tuple[int, int], int] = {}
    for parent in parents:
        numbers = []
        for shard in shards_of(parent):
            status = shard.stat()
            number = seen.setdefault((status.st_dev, status.st_ino), count)
            if number == count:
                _link(shard, folder / f"media-{count:05d}.parquet")
                count += 1
            numbers.append(number)
        if numbers:
            indexes.append(_renumbered(parent, numbers))
    if count:
        _write_index(folder, _distinct(heapq.merge(*indexes, key=lambda row: str(row["sha256"]))))


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _renumbered(parent: Path, numbers: Sequence[int]) -> Iterator[dict[str, Any]]:
    for row in read_rows(parent / _INDEX_FILE):
        yield row | {"file": numbers[row["file"]]}


def _distinct(rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    last = ""
    for row in rows:
        if row["sha256"] != last:
            yield row
        last = row["sha256"]


def _write_index(folder: Path, rows: Iterator[dict[str, Any]]) -> None:
    with RowWriter(folder / _INDEX_FILE, _INDEX_SCHEMA, _INDEX_ROWS) as index:
        for row in rows:
            index.add(row)
