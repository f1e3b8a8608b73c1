"""Safetensors files read by their header alone: what is in them, whether they are whole, several made into one (pure).

Format: 8 bytes little-endian length of a JSON header, the header, then the tensors' bytes. Nothing is ever executed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chimera.errors import InputError, Problem

LARGEST_HEADER = 100_000_000  # bytes; what the reference implementation allows
BYTES_OF = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}  # trainable numbers; anything else is a quantised model
_PIECE = 1 << 20

Seen = Callable[[int], None]


@dataclass(frozen=True)
class Tensor:
    """One tensor: its bytes are `begin … end − 1` after the header."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int

    @property
    def numbers(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True)
class WeightsFile:
    """A safetensors file whose header agrees with its length."""

    path: Path
    data_start: int
    tensors: dict[str, Tensor]

    @property
    def parameters(self) -> int:
        return sum(tensor.numbers for tensor in self.tensors.values())


def read_weights(path: Path) -> WeightsFile:
    """The header of `path`, checked against its length.

    Raises:
        InputError: it is no safetensors file, is cut off, or holds numbers that cannot be trained.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 10 or not 2 <= length <= min(LARGEST_HEADER, size - 8):
            hint = "a pickle that was renamed? save it again with save_pretrained"
            raise InputError(Problem("this is not a safetensors file", file=path.name, hint=hint))
        header = _json_of(file.read(length), path)
    header.pop("__metadata__", None)
    tensors = {name: _tensor(name, said, path) for name, said in header.items()}
    _require_whole(tensors, size - 8 - length, path)
    return WeightsFile(path, 8 + length, tensors)


def _json_of(raw: bytes, path: Path) -> dict[str, Any]:
    try:
        header = json.loads(raw)
    except ValueError:
        header = None
    if not isinstance(header, dict):
        raise InputError(Problem("its header is not a JSON object", file=path.name, hint="fetch the file again"))
    return header


def _tensor(name: str, said: Any, path: Path) -> Tensor:
    try:
        dtype, shape, (begin, end) = said["dtype"], tuple(said["shape"]), said["data_offsets"]
        numbers = [*shape, begin, end]
    except (KeyError, TypeError, ValueError):
        raise InputError(
            Problem("its header does not describe this tensor", name, path.name, hint="fetch the file again")
        ) from None
    if not all(type(number) is int and number >= 0 for number in numbers):
        raise InputError(Problem("sizes of a tensor must be whole numbers", name, path.name))
    if dtype not in BYTES_OF:
        hint = f"one of {', '.join(BYTES_OF)}: de-quantise the model before it is imported"
        raise InputError(Problem(f"numbers of type {dtype} cannot be trained", name, path.name, hint=hint))
    if end - begin != math.prod(shape) * BYTES_OF[dtype]:
        raise InputError(
            Problem(f"shape {list(shape)} of {dtype} does not fill its {end - begin} bytes", name, path.name)
        )
    return Tensor(dtype, shape, begin, end)


def _require_whole(tensors: dict[str, Tensor], size: int, path: Path) -> None:
    """The tensors fill the file without gap or overlap (what the format asks for)."""
    place = 0
    for name, tensor in sorted(tensors.items(), key=lambda item: (item[1].begin, item[1].end)):
        if tensor.begin != place:
            raise InputError(Problem("its bytes overlap another tensor's or leave a gap", name, path.name))
        place = tensor.end
    if place != size:
        message = f"its header promises {place:,} bytes of tensors, the file holds {size:,}"
        raise InputError(Problem(message, file=path.name, hint="it was cut off; fetch it again"))


def copy_file(source: Path, target: Path, seen: Seen) -> None:
    """Copy in constant memory; `seen` is told bytes as they go by and may raise to stop."""
    with source.open("rb") as reading, target.open("wb") as writing:
        while piece := reading.read(_PIECE):
            writing.write(piece)
            seen(len(piece))


def merge(files: Sequence[WeightsFile], target: Path, seen: Seen) -> None:
    """Several files as one, in constant memory: their tensors' bytes one after the other.

    Raises:
        InputError: two files hold a tensor of the same name.
    """
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    start = 0
    for file in files:
        for name, tensor in file.tensors.items():
            if name in header:
                raise InputError(Problem("this tensor is also in another file", name, file.path.name))
            offsets = [start + tensor.begin, start + tensor.end]
            header[name] = {"dtype": tensor.dtype, "shape": list(tensor.shape), "data_offsets": offsets}
        start += max((tensor.end for tensor in file.tensors.values()), default=0)
    raw = json.dumps(header, separators=(",", ":")).encode()
    raw += b" " * (-len(raw) % 8)
    with target.open("wb") as writing:
        writing.write(len(raw).to_bytes(8, "little") + raw)
        for file in files:
            with file.path.open("rb") as reading:
                reading.seek(file.data_start)
                while piece := reading.read(_PIECE):
                    writing.write(piece)
                    seen(len(piece))
