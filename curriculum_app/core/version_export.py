"""A dataset version as one file to take away, made while it is sent: JSON Lines, the same gzipped, or Parquet."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping

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
            with pq.ParquetFile(path) as file:
                for index in range(file.metadata.num_row_groups):
                    writer.write_table(file.read_row_group(index, columns=DOCUMENT_SCHEMA.names))
                    yield sent.take()
    yield sent.take()


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
}
CONTENT_TYPES = {
    "jsonl": "application/jsonl",
    "jsonl.gz": "application/gzip",
    "parquet": "application/vnd.apache.parquet",
}
