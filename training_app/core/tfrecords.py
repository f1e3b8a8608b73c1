"""TFRecord files as TensorBoard writes them: length, its checksum, data, its checksum (pure).

Read here and not by the `tensorboard` package, which brings a web server, gRPC and protobuf for what is one page of
code: https://www.tensorflow.org/tutorials/load_data/tfrecord, "TFRecords format details". Checksums are CRC-32C
(Castagnoli, RFC 3720 B.4), rotated by 15 bits plus a constant; those of many records are computed side by side.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from chimera.errors import InputError, Problem

Words = npt.NDArray[np.uint32]
MAX_RECORD = 256 << 20
_TOGETHER = 4_096  # records that are checked side by side
_LONG = 8_192  # bytes from which a record is checked alone
_MASK = 0xA282EAD8
_HEADER = struct.Struct("<QI")


def _make_table() -> Words:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(0x82F63B78), table >> 1).astype(np.uint32)
    return table


_TABLE = _make_table()
_LIST: list[int] = _TABLE.tolist()


def masked_crcs(chunks: Sequence[bytes]) -> list[int]:
    """The masked CRC-32C of every chunk."""
    crcs = [0] * len(chunks)
    short = sorted((i for i, chunk in enumerate(chunks) if len(chunk) <= _LONG), key=lambda i: -len(chunks[i]))
    for i, crc in zip(short, _side_by_side([chunks[i] for i in short]), strict=True):
        crcs[i] = crc
    for i, chunk in enumerate(chunks):
        if len(chunk) > _LONG:
            crcs[i] = _alone(chunk)
    return [_masked(crc) for crc in crcs]


def _masked(crc: int) -> int:
    return (((crc >> 15) | (crc << 17)) + _MASK) & 0xFFFFFFFF


def _side_by_side(chunks: Sequence[bytes]) -> list[int]:
    """CRC-32C of chunks that come longest first: a byte of each at a time."""
    if not chunks:
        return []
    lengths = np.array([len(chunk) for chunk in chunks])
    starts = np.concatenate(([0], np.cumsum(lengths)))[:-1]
    data = np.frombuffer(b"".join(chunks), dtype=np.uint8)
    crc = np.full(len(chunks), 0xFFFFFFFF, dtype=np.uint32)
    for place in range(int(lengths[0])):
        live = int(np.searchsorted(-lengths, -place, side="left"))  # chunks longer than `place`
        part = crc[:live]
        crc[:live] = _TABLE[(part ^ data[starts[:live] + place]) & 0xFF] ^ (part >> np.uint32(8))
    return [int(value) for value in ~crc]


def _alone(chunk: bytes) -> int:
    crc, table = 0xFFFFFFFF, _LIST
    for byte in chunk:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def records(path: Path) -> Iterator[bytes]:
    """The data of every record; a last one that is cut off (the writer was killed, or still writes) is left out.

    Raises:
        InputError: a checksum is wrong; names file and record.
    """
    size, done = path.stat().st_size, 0
    with path.open("rb") as file:
        more = True
        while more:
            batch, more = _batch(file, path, size, done)
            _check(batch, path, done)
            done += len(batch)
            yield from (data for _, _, data, _ in batch)


Record = tuple[bytes, int, bytes, int]


def _batch(file: BinaryIO, path: Path, size: int, done: int) -> tuple[list[Record], bool]:
    """The next records as (length's bytes, its checksum, data, its checksum), and whether more may follow."""
    batch: list[Record] = []
    total = 0
    while len(batch) < _TOGETHER and total < 32 << 20:
        at = file.tell()
        header = file.read(12)
        if len(header) < 12:
            return batch, False
        length, length_crc = _HEADER.unpack(header)
        if _masked(_alone(header[:8])) != length_crc or length > MAX_RECORD:
            raise _damaged(path, done + len(batch))
        if at + 16 + length > size:
            return batch, False
        data = file.read(length + 4)
        if len(data) < length + 4:
            return batch, False
        total += length
        batch.append((header[:8], length_crc, data[:length], int.from_bytes(data[length:], "little")))
    return batch, True


def _check(batch: list[Record], path: Path, done: int) -> None:
    found = masked_crcs([data for _, _, data, _ in batch])
    for place, (crc, record) in enumerate(zip(found, batch, strict=True)):
        if crc != record[3]:
            raise _damaged(path, done + place)


def _damaged(path: Path, place: int) -> InputError:
    hint = "the file is damaged, or no TFRecord file: copy it again"
    return InputError(Problem("the checksum of a record is wrong", "record", str(path), place + 1, hint))
