"""A dataset version as one file to take away, made while it is sent.

JSON Lines, the same gzipped, Parquet, or a zipped folder that `load_from_disk` of Hugging Face's datasets opens.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from curriculum_app.core.dataset_version import DOCUMENT_SCHEMA, DatasetVersion

_CHUNK = 1 << 16  # bytes
_GZIP = 16 + zlib.MAX_WBITS  # a gzip header without name and time: the same version gives the same bytes


def jsonl(version: DatasetVersion) -> Iterator[bytes]:
    """One canonical JSON object a line: the lines whose hash is the id of the version."""
    waiting = bytearray()
    for document in version.iter_documents():
        waiting += document.canonical() + b"\n"
        if len(waiting) >= _CHUNK:
            yield bytes(waiting)
            waiting.clear()
    yield bytes(waiting)


def jsonl_gz(version: DatasetVersion) -> Iterator[bytes]:
    """`jsonl`, gzipped."""
    packer = zlib.compressobj(6, zlib.DEFLATED, _GZIP)
    for lines in jsonl(version):
        yield packer.compress(lines)
    yield packer.flush()


def parquet(version: DatasetVersion) -> Iterator[bytes]:
    """All shards as one file, a row group after the other; only one of them is in memory."""
    sent = _Outbox()
    with pq.ParquetWriter(pa.PythonFile(sent, mode="w"), DOCUMENT_SCHEMA, compression="zstd") as writer:
        for path in version.files:
            for group in _row_groups(path):
                writer.write_table(group)
                yield sent.take()
    yield sent.take()
    yield sent.take()


def datasets_zip(version: DatasetVersion) -> Iterator[bytes]:
    """The folder that `save_to_disk` writes (datasets 2 and later), zipped without compression.

    `dataset_info.json`, `state.json` and one Arrow stream per shard; all columns are strings, `meta` and `media` JSON.
    The same version gives the same bytes.
    """
    sent = _Outbox()
    shards: Sequence[Path | None] = version.files or [None]  # of an empty version: one shard without rows
    names = [f"data-{number:05d}-of-{len(shards):05d}.arrow" for number in range(len(shards))]
    with zipfile.ZipFile(sent, "w", zipfile.ZIP_STORED) as folder:
        top = f"dataset-{version.digest[:12]}"
        for name, value in (("dataset_info.json", _info()), ("state.json", _state(names, version.digest))):
            folder.writestr(_entry(f"{top}/{name}"), json.dumps(value, indent=2))
        for name, path in zip(names, shards, strict=True):
            with (
                folder.open(_entry(f"{top}/{name}"), "w", force_zip64=True) as member,
                pa.ipc.new_stream(pa.PythonFile(member, mode="w"), DOCUMENT_SCHEMA) as rows,
            ):
                for group in _row_groups(path):
                    rows.write_table(group)
                    yield sent.take()
    yield sent.take()


def _row_groups(path: Path | None) -> Iterator[pa.Table]:
    """The rows of a shard with all columns, one row group at a time."""
    if path is not None:
        with pq.ParquetFile(path) as file:
            for index in range(file.metadata.num_row_groups):
                yield _all_columns(file.read_row_group(index))


def _entry(name: str) -> zipfile.ZipInfo:
    """A member with the earliest date a zip can hold, readable by everyone."""
    entry = zipfile.ZipInfo(name)
    entry.external_attr = 0o644 << 16
    return entry


def _info() -> dict[str, Any]:
    features = {name: {"dtype": "string", "_type": "Value"} for name in DOCUMENT_SCHEMA.names}
    return {"citation": "", "description": "", "features": features, "homepage": "", "license": ""}


def _state(names: list[str], digest: str) -> dict[str, Any]:
    files = [{"filename": name} for name in names]
    unset = dict.fromkeys(("_format_columns", "_format_type", "_split"))
    return unset | {
        "_data_files": files,
        "_fingerprint": digest[:16],
        "_format_kwargs": {},
        "_output_all_columns": False,
    }


def _all_columns(rows: pa.Table) -> pa.Table:
    """Shards written before documents could have media lack that column."""
    missing = [name for name in DOCUMENT_SCHEMA.names if name not in rows.column_names]
    for name in missing:
        rows = rows.append_column(name, pa.array([""] * rows.num_rows, pa.string()))
    return rows.select(DOCUMENT_SCHEMA.names)


class _Outbox:
    """A file for writing whose bytes are taken away as they come."""

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._position = 0
        self.closed = False

    def write(self, data: bytes) -> int:
        self._waiting += data
        self._position += len(data)
        return len(data)

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        self.closed = True

    def take(self) -> bytes:
        taken = bytes(self._waiting)
        self._waiting.clear()
        return taken


EXPORTS: Mapping[str, Callable[[DatasetVersion], Iterator[bytes]]] = {
    "jsonl": jsonl,
    "jsonl.gz": jsonl_gz,
    "parquet": parquet,
    "datasets.zip": datasets_zip,
}
CONTENT_TYPES = {
    "jsonl": "application/jsonl",
    "jsonl.gz": "application/gzip",
    "parquet": "application/vnd.apache.parquet",
    "datasets.zip": "application/zip",
}
