"""The bands of all documents in a store that several processes fill and read: the same buckets as sorting in memory.

A document's number goes, for each band, with its key into one of `parts` pieces of that band, chosen by the key; so
documents of one bucket meet in one piece, whoever wrote them, and reading is sorting one piece after the other.
Writing an entry twice changes nothing, so a task that is done again does no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from chimera.capabilities import BandStore, capability, provide, provider
from chimera.errors import InputError, Problem
from chimera.typed import Config
from curriculum_app.core.dedup.config import NearDuplicateConfig
from curriculum_app.core.dedup.index import Buckets, Places, band_keys, in_company
from curriculum_app.core.worker_pool import run_tasks

CAPABILITY = "band_store"
PER_PIECE = 4096  # entries, on average
_BATCH = 1 << 15  # documents at a time
_READ = 64  # pieces at a time
_ENTRY = np.dtype([("key", "<u8"), ("number", "<u4")])


@dataclass(frozen=True)
class SharedBands:
    """`bands` bands of `rows` rows in `store`, under `name`, each in `parts` pieces."""

    store: BandStore
    name: str
    bands: int
    rows: int
    parts: int

    def add(self, signatures: NDArray[np.uint32], numbers: Places) -> None:
        """Put each document into its piece of every band."""
        pieces: dict[str, bytes] = {}
        for band in range(self.bands):
            entries = np.empty(len(numbers), _ENTRY)
            entries["key"], entries["number"] = band_keys(signatures, band, self.rows), numbers
            parts = entries["key"] % np.uint64(self.parts)
            place = np.argsort(parts, kind="stable")
            entries, (used, starts) = entries[place], np.unique(parts[place], return_index=True)
            ends = np.append(starts[1:], len(entries))
            for part, start, end in zip(used.tolist(), starts.tolist(), ends.tolist(), strict=False):
                pieces[self._piece(band, part)] = entries[start:end].tobytes()
        self.store.append(pieces)

    def entries(self, band: int, first: int, last: int) -> tuple[NDArray[np.uint64], Places]:
        """Keys and numbers in the pieces `first` to `last` − 1 of a band, by key, then number; each entry once."""
        names = [self._piece(band, part) for part in range(first, min(last, self.parts))]
        found = np.frombuffer(b"".join(self.store.read(names)), _ENTRY)
        found = found[np.lexsort((found["number"], found["key"]))]
        once = np.ones(len(found), bool)
        once[1:] = found[1:] != found[:-1]
        return found["key"][once], found["number"][once].astype(np.int64)

    def buckets(self, order: Places, total: int, added: int) -> Buckets:
        """`index.buckets` of the documents in `order`, of `total` documents of which `added` were put in.

        Raises:
            InputError: the store does not hold them all any more.
        """
        wanted, used = np.zeros(total, bool), 0
        wanted[order] = True
        table = np.full((total, self.bands), -1, np.int32)
        for band in range(self.bands):
            held = 0
            for first in range(0, self.parts, _READ):
                keys, numbers = self.entries(band, first, first + _READ)
                held += len(numbers)
                keys, numbers = keys[wanted[numbers]], numbers[wanted[numbers]]
                together, bucket = in_company(keys)
                table[numbers[together], band] = used + bucket
                used += int(bucket.max(initial=-1)) + 1
            _require_all(held, added)
        return table

    def remove(self) -> None:
        """Leave nothing behind."""
        for band in range(self.bands):
            self.store.remove([self._piece(band, part) for part in range(self.parts)])

    def _piece(self, band: int, part: int) -> str:
        return f"{self.name}:{band}:{part}"


def _require_all(held: int, added: int) -> None:
    if held != added:
        message = f"the store of bands holds {held} of {added} documents: it was emptied, or removes what is old"
        hint = "let the server keep its keys (maxmemory-policy noeviction), or choose memory"
        raise InputError(Problem(message, "near_duplicates.index", hint=hint))


class FillTask(Config):
    """Put the documents of a file of sketches into the shared bands; the first of them has the number `first`."""

    path: str
    first: int
    provider: str  # of the store, for a process that no app has told about it
    name: str
    bands: int
    rows: int
    parts: int


def fill(task: FillTask) -> None:
    """Documents without shingles have no part in the index."""
    provide(CAPABILITY, task.provider)
    shared = SharedBands(capability(CAPABILITY), task.name, task.bands, task.rows, task.parts)
    number = task.first
    with pq.ParquetFile(task.path) as file:
        for batch in file.iter_batches(_BATCH, columns=["num_shingles", "signature"]):
            some = np.flatnonzero(batch.column("num_shingles").to_numpy())
            if len(some):
                signatures = np.frombuffer(b"".join(batch.column("signature").take(some).to_pylist()), np.uint32)
                shared.add(signatures.reshape(len(some), -1), number + some)
            number += len(batch)


@contextmanager
def shared_bands(
    files: Sequence[Path], config: NearDuplicateConfig, workers: int, check: Callable[[], None]
) -> Iterator[SharedBands]:
    """The bands of all documents in files of sketches, filled by `workers` processes; removed at the end.

    Raises:
        InputError: the store cannot be reached.
    """
    sizes = [pq.read_metadata(file).num_rows for file in files]
    parts, name = max(1, -(-sum(sizes) // PER_PIECE)), uuid4().hex
    shared = SharedBands(capability(CAPABILITY), name, config.bands, config.rows, parts)
    how = {"provider": provider(CAPABILITY), "name": name, "bands": config.bands, "rows": config.rows, "parts": parts}
    starts = np.cumsum([0, *sizes]).tolist()
    tasks = [FillTask(path=str(file), first=first, **how) for file, first in zip(files, starts, strict=False)]
    try:
        for _ in run_tasks(fill.__module__, fill.__name__, tasks, workers, check):
            pass
        yield shared
    finally:
        shared.remove()
