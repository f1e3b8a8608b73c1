"""Columns of up to 1,024 numbers as few bytes, and back bit by bit (pure).

A column is a sequence of 64-bit words: integers, or floats as their bits, so NaN, ±inf and −0 come back as they were.
Two layouts, of which the shorter is taken. *Plain*: byte k of every word, for k = 0 to 7 (byte shuffle, as in Blosc and
HDF5). *Steps*: the first word and the differences of neighbours less the smallest difference (frame of reference), byte
shuffled too, with as many bytes as the largest needs; equal steps need none. Both then go through Zstandard.

    byte 0        255 plain, else the bytes per difference (0 to 8)
    16 bytes      of *steps* only: first word and smallest difference, little-endian int64
    rest          Zstandard frame of the shuffled bytes; empty when there are none
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

import numpy as np
import zstandard
from numpy.typing import NDArray

Words = NDArray[np.int64]
Floats = NDArray[np.float64]
Packed = bytes | memoryview

SEGMENT_POINTS = 1024
PLAIN = 255
_LEVEL = 3
_AT_ONCE = 64  # columns taken apart together: what they need in between stays in the processor's cache
_HEAD = struct.Struct("<qq")


class DamagedColumn(ValueError):
    """Stored bytes that are no column of the length they should have."""


def pack_ints(values: Words) -> bytes:
    """The bytes of a column of int64."""
    words = np.ascontiguousarray(values, dtype=np.int64)
    if len(words) < 2:
        return _plain(words)
    return _steps(words)


def pack_floats(values: Floats) -> bytes:
    """The bytes of a column of float64: the shorter of both layouts."""
    words = np.ascontiguousarray(values, dtype=np.float64).view(np.int64)
    plain = _plain(words)
    if len(words) < 2:
        return plain
    return min(plain, _steps(words), key=len)


def unpack_ints(packed: Sequence[Packed], counts: Sequence[int]) -> Words:
    """Several columns one behind the other; `counts` are their lengths.

    Columns of one layout and length are taken apart together: a thousand cost little more than ten.

    Raises:
        DamagedColumn: the bytes are no columns of these lengths.
    """
    ends = np.cumsum(counts, dtype=np.int64)
    result = np.empty(int(ends[-1]) if len(ends) else 0, dtype=np.int64)
    for (code, count), places in _alike(packed, counts).items():
        for first in range(0, len(places), _AT_ONCE):
            some = places[first : first + _AT_ONCE]
            columns, start = [packed[i] for i in some], ends[some[0]] - count
            if some[-1] - some[0] == len(some) - 1:  # neighbours: straight to where they belong
                _unpack(columns, code, result[start : start + len(some) * count].reshape(len(some), count))
                continue
            words = np.empty((len(some), count), dtype=np.int64)
            _unpack(columns, code, words)
            for place, row in zip(some, words, strict=True):
                result[ends[place] - count : ends[place]] = row
    return result


def unpack_floats(packed: Sequence[Packed], counts: Sequence[int]) -> Floats:
    """As `unpack_ints`, for columns that `pack_floats` has made."""
    return unpack_ints(packed, counts).view(np.float64)


def _alike(packed: Sequence[Packed], counts: Sequence[int]) -> dict[tuple[int, int], list[int]]:
    if not all(packed) or not all(counts):
        raise DamagedColumn("a column is empty")
    kinds = np.fromiter((column[0] for column in packed), np.int64, len(packed)) << 32 | np.asarray(counts, np.int64)
    found = np.unique(kinds).tolist()
    return {(kind >> 32, kind & 0xFFFF_FFFF): np.flatnonzero(kinds == kind).tolist() for kind in found}


def _plain(words: Words) -> bytes:
    return bytes([PLAIN]) + _compressed(_shuffled(words, 8))


def _steps(words: Words) -> bytes:
    differences = np.diff(words)  # wraps around, and back when summed
    smallest = differences.min()
    rest = differences - smallest
    width = (int(rest.view(np.uint64).max()).bit_length() + 7) // 8
    return bytes([width]) + _HEAD.pack(int(words[0]), int(smallest)) + _compressed(_shuffled(rest, width))


def _shuffled(words: Words, width: int) -> bytes:
    """The lowest `width` bytes of all words, byte by byte."""
    octets = words.astype("<i8", copy=False).view(np.uint8).reshape(-1, 8)
    return octets[:, :width].T.tobytes()


def _compressed(octets: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=_LEVEL).compress(octets) if octets else b""


def _unpack(columns: Sequence[Packed], code: int, words: Words) -> None:
    """Columns of one layout and length into the rows of `words`."""
    if code == PLAIN:
        _unshuffle([memoryview(column)[1:] for column in columns], 8, words)
        return
    start = 1 + _HEAD.size
    if code > 8 or min(map(len, columns)) < start:
        raise DamagedColumn(f"a column begins with {code}")
    heads = np.frombuffer(b"".join([column[1:start] for column in columns]), dtype="<i8").reshape(-1, 2)
    words[:, 0] = heads[:, 0]
    if code:
        _unshuffle([memoryview(column)[start:] for column in columns], code, words[:, 1:])
        words[:, 1:] += heads[:, 1:]
    else:
        words[:, 1:] = heads[:, 1:]
    np.cumsum(words, axis=1, out=words)


def _unshuffle(frames: Sequence[Packed], width: int, words: Words) -> None:
    """The words whose lowest `width` bytes stand in `frames`, into a row per frame."""
    expand: Callable[[Packed], bytes] = zstandard.ZstdDecompressor().decompress
    try:
        octets = b"".join(map(expand, frames))
    except zstandard.ZstdError as error:
        raise DamagedColumn(f"a column cannot be expanded: {error}") from error
    count = words.shape[1]
    if len(octets) != len(frames) * width * count:
        raise DamagedColumn(f"{len(octets)} bytes where {len(frames) * width * count} are expected")
    rows = np.frombuffer(octets, dtype=np.uint8).reshape(len(frames), width, count)
    if width < 8:
        words[:] = 0
    target = words.view(np.uint8).reshape(len(frames), count, 8)
    for place in range(width):
        target[:, :, place] = rows[:, place]
