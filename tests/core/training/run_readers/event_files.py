"""Writes TensorBoard event files byte by byte, as their documents say."""

from __future__ import annotations

import struct
from pathlib import Path

from training_app.core.tfrecords import masked_crcs


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, value: int | float | str | bytes, kind: str = "") -> bytes:
    """A field: an int as a varint, a float as `kind` (f or d), text and messages with their length."""
    if isinstance(value, float):
        return varint(number << 3 | (5 if kind == "f" else 1)) + struct.pack(f"<{kind or 'd'}", value)
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def event(step: int, *values: bytes, time: float = 1000.0, rest: bytes = b"") -> bytes:
    summary = field(5, b"".join(field(1, value) for value in values)) if values else b""
    return field(1, time) + field(2, step) + summary + rest


def scalar(tag: str, value: float) -> bytes:
    return field(1, tag) + field(2, value, "f")


def tensor(tag: str, inside: bytes, plugin: str = "", content: bytes = b"") -> bytes:
    about = field(9, field(1, field(1, plugin) + field(2, content))) if plugin else b""
    return field(1, tag) + field(8, inside) + about


def record(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    crcs = masked_crcs([length, data])
    return length + struct.pack("<I", crcs[0]) + data + struct.pack("<I", crcs[1])


def write(path: Path, *events: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(record(item) for item in events))
    return path
