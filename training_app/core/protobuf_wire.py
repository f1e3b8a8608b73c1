"""The wire format of protocol buffers, as much as event files need (pure).

https://protobuf.dev/programming-guides/encoding/ - a message is a row of fields; each is a number, a type and a value.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

Value = int | bytes
_DOUBLE, _FLOAT = struct.Struct("<d"), struct.Struct("<f")


def fields(data: bytes) -> Iterator[tuple[int, Value]]:
    """Number and value of every field: an int for a varint, bytes for all else.

    Raises:
        ValueError: this is no message.
    """
    at, end = 0, len(data)
    while at < end:
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield tag >> 3, value
            continue
        if kind == 2:
            size, at = _varint(data, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError(f"a field of type {kind}")
        if at + size > end:
            raise ValueError("a field that is longer than its message")
        yield tag >> 3, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    result = shift = 0
    while at < len(data) and shift < 70:
        byte = data[at]
        at += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, at
        shift += 7
    raise ValueError("a number that does not end")


def varints(data: bytes) -> list[int]:
    """The numbers of a packed field. Raises ValueError."""
    found, at = [], 0
    while at < len(data):
        number, at = _varint(data, at)
        found.append(number)
    return found


def double(value: Value) -> float:
    """Raises ValueError for anything but eight bytes."""
    return float(_unpack(_DOUBLE, value))


def single(value: Value) -> float:
    """A float of four bytes. Raises ValueError for anything else."""
    return float(_unpack(_FLOAT, value))


def _unpack(shape: struct.Struct, value: Value) -> float:
    if not isinstance(value, bytes) or len(value) != shape.size:
        raise ValueError("a number of another size")
    unpacked: float = shape.unpack(value)[0]
    return unpacked


def signed(value: Value) -> int:
    """A varint as int64. Raises ValueError for bytes."""
    if isinstance(value, bytes):
        raise ValueError("bytes where a number belongs")
    return value - (1 << 64) if value >> 63 else value


def message(value: Value) -> bytes:
    """Raises ValueError for a number."""
    if not isinstance(value, bytes):
        raise ValueError("a number where a message belongs")
    return value


def text(value: Value) -> str:
    return message(value).decode("utf-8", "replace")
