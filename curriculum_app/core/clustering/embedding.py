"""Vectors of all documents, written to disk as they come; a stopped job goes on where it was (pure)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chimera.artefacts import write_json
from curriculum_app.core.documents import Document
from curriculum_app.core.encoders.base import Encoder, EncoderChoice, load_encoder, save_encoder
from curriculum_app.core.packing import Int

VECTORS = "vectors.npy"
ENCODER = "encoder"
BATCH = 256
_DONE = "done.json"

Source = Callable[[], Iterable[Document]]
Report = Callable[[int], None]  # documents done; may raise to stop


def sample_rows(count: int, size: int, seed: int) -> Int:
    """Rows of a sample without replacement, in order; all rows if there are no more than `size`."""
    if count <= size:
        return np.arange(count, dtype=np.int64)
    return np.sort(np.random.default_rng(seed).choice(count, size, replace=False)).astype(np.int64)


def fit_encoder(choice: EncoderChoice, source: Source, rows: Int, scratch: Path) -> Encoder:
    """The encoder, fitted on the texts of `rows`; one that an earlier attempt has fitted is taken up again."""
    directory = scratch / ENCODER
    if (directory / "encoder.json").is_file():
        return load_encoder(directory)
    wanted = set(rows.tolist())
    encoder: Encoder = choice.build()
    encoder.fit(document.text for row, document in enumerate(source()) if row in wanted)
    fresh = scratch / f"{ENCODER}-tmp"
    save_encoder(choice, encoder, fresh)
    if not directory.exists():
        fresh.rename(directory)
    return encoder


def embed_all(encoder: Encoder, source: Source, count: int, scratch: Path, report: Report) -> NDArray[np.float16]:
    """Shape [count, d], half precision, in `scratch/vectors.npy`; memory does not grow with `count`."""
    path, mark = scratch / VECTORS, scratch / _DONE
    done = int(json.loads(mark.read_text())) if mark.is_file() else 0
    vectors = np.lib.format.open_memmap(path, mode="r+") if done else None
    for texts in _batches(source(), done):
        rows = encoder.embed(texts)
        if vectors is None:
            vectors = np.lib.format.open_memmap(path, mode="w+", dtype=np.float16, shape=(count, rows.shape[1]))
        vectors[done : done + len(rows)] = rows
        vectors.flush()
        done += len(rows)
        write_json(mark, done)
        report(done)
    assert vectors is not None and done == count
    mapped: NDArray[np.float16] = np.load(path, mmap_mode="r")
    return mapped


def _batches(documents: Iterable[Document], skip: int) -> Iterator[list[str]]:
    left = islice(documents, skip, None)
    while batch := [document.text for document in islice(left, BATCH)]:
        yield batch
