"""A checkpoint as a tar of a `transformers` folder, made while it is sent: one piece of a file in memory."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

from chimera.artefacts import MANIFEST, Stored

KEPT_HERE = {
    "held_out.parquet",
    "delivered.npy",
    "row_losses.npy",
    "optimizer.safetensors",
    "journal.npz",
    "journal.json",
    "chooser.npz",
    "chooser.json",
}  # of the run, not the model
_PIECE = 1 << 20


def model_tar(stored: Stored, folder: str, card: str) -> Iterator[bytes]:
    """Everything `from_pretrained` reads, the manifest, and `card` as README.md; equal checkpoints give equal bytes."""
    yield from _member(f"{folder}/README.md", card.encode())
    for name in sorted(set(stored.manifest["files"]) - KEPT_HERE):
        yield from _file(f"{folder}/{name}", stored.path / name)
    yield from _member(f"{folder}/{MANIFEST}", (stored.path / MANIFEST).read_bytes())
    yield bytes(2 * tarfile.BLOCKSIZE)  # the end of a tar


def _header(name: str, size: int) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.size = size
    return entry.tobuf(tarfile.PAX_FORMAT)


def _member(name: str, content: bytes) -> Iterator[bytes]:
    yield _header(name, len(content)) + content + bytes(-len(content) % tarfile.BLOCKSIZE)


def _file(name: str, path: Path) -> Iterator[bytes]:
    size = path.stat().st_size
    yield _header(name, size)
    with path.open("rb", buffering=io.DEFAULT_BUFFER_SIZE) as file:
        while piece := file.read(_PIECE):
            yield piece
    yield bytes(-size % tarfile.BLOCKSIZE)
