"""Which documents share a band: the same answer from sorted band keys (ours) and from datasketch's `MinHashLSH`.

All engines see the same signatures and propose the same pairs, so which one is used changes no result and is no part
of a recipe.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from curriculum_app.core.dedup.config import NearDuplicateConfig
from curriculum_app.core.dedup.sketches import Sketcher, Sketches, Sketching

Places = NDArray[np.int64]
Buckets = NDArray[np.int32]
NOBODY: Places = np.zeros(0, np.int64)


class Index(Protocol):
    """The bands of the documents inserted so far. Documents without shingles have no part in it."""

    def visit(self) -> list[int]:
        """The documents to ask for, in the order given: those that might share a band with another one."""

    def proposed(self, number: int) -> Places:
        """Inserted documents that share a band with `number`, in no order."""

    def insert(self, number: int) -> None:
        """Propose `number` from now on."""


def open_index(sketches: Sketches, config: NearDuplicateConfig, order: Places, found: Buckets | None = None) -> Index:
    """The index of the engine that the settings name; an empty signature would equal every other empty one.

    `found`: the buckets of the documents in `order`, where others have found them already.
    """
    with_shingles = order[sketches.num_shingles[order] > 0]
    if config.engine == "datasketch":
        return _Datasketch(sketches, config, with_shingles)
    if found is None:
        found = buckets(sketches.signatures, config.bands, config.rows, with_shingles)
    return _Bands(found, with_shingles)


class _Bands:
    """Buckets from sorting the keys of each band, one band at a time; only documents in company are ever touched.

    The inserted documents of bucket b are `_slots[_starts[b] : _starts[b] + _counts[b]]`: there is room for all.
    """

    def __init__(self, found: Buckets, order: Places) -> None:
        self._buckets, self._order = found, order
        sizes = np.bincount(found[found >= 0])
        self._starts = np.cumsum(sizes) - sizes
        self._slots, self._counts = np.empty(int(sizes.sum()), np.int32), np.zeros(len(sizes), np.int32)

    def visit(self) -> list[int]:
        found: list[int] = self._order[self._buckets.max(axis=1, initial=-1)[self._order] >= 0].tolist()
        return found

    def proposed(self, number: int) -> Places:
        own = self._buckets[number]
        own = own[own >= 0]
        own = own[self._counts[own] > 0]
        if not len(own):
            return NOBODY
        starts = self._starts[own]
        ends = starts + self._counts[own]
        together = np.concatenate([self._slots[a:b] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)])
        together.sort()
        first = np.ones(len(together), bool)
        first[1:] = together[1:] != together[:-1]
        return together[first].astype(np.int64)

    def insert(self, number: int) -> None:
        own = self._buckets[number]
        own = own[own >= 0]
        self._slots[self._starts[own] + self._counts[own]] = number
        self._counts[own] += 1


def buckets(signatures: NDArray[np.uint32], bands: int, rows: int, order: Places) -> Buckets:
    """`[n, bands]`: the number of the bucket of each document in each band, -1 where it is alone in it.

    Buckets are numbered without gaps, band after band.
    """
    found = np.full((len(signatures), bands), -1, np.int32)
    used = 0
    for band in range(bands if len(order) else 0):
        keys = band_keys(signatures, band, rows)[order]
        place = np.argsort(keys)
        together, bucket = in_company(keys[place])
        found[order[place[together]], band] = used + bucket
        used += int(bucket.max(initial=-1)) + 1
    return found


def in_company(keys: NDArray[np.uint64]) -> tuple[NDArray[np.bool_], Places]:
    """Of ascending keys: which are not alone, and for those the number, from 0, of the bucket."""
    same = np.zeros(len(keys) + 1, bool)  # as the one before; the last is nobody
    same[1:-1] = keys[1:] == keys[:-1]
    together = same[1:] | same[:-1]
    starts = together & ~same[:-1]
    bucket: Places = np.cumsum(starts)[together] - 1
    return together, bucket


def band_keys(signatures: NDArray[np.uint32], band: int, rows: int) -> NDArray[np.uint64]:
    """One number per document for its values in the band (FNV-1a over 32-bit words); equal values, equal numbers."""
    keys = np.full(len(signatures), 0xCBF29CE484222325, dtype=np.uint64)
    for row in range(band * rows, (band + 1) * rows):
        keys ^= signatures[:, row]
        keys *= np.uint64(0x100000001B3)
    return keys


class _Datasketch:
    """The library's own index, about 3 kB a document: the reference for ours."""

    def __init__(self, sketches: Sketches, config: NearDuplicateConfig, order: Places) -> None:
        from datasketch import MinHashLSH

        self._sketches, self._sketcher, self._order = sketches, Sketcher(Sketching(config)), order
        self._bands = MinHashLSH(num_perm=config.num_perm, params=(config.bands, config.rows))

    def visit(self) -> list[int]:
        found: list[int] = self._order.tolist()
        return found

    def proposed(self, number: int) -> Places:
        return np.array(self._bands.query(self._sketcher.restore(self._sketches.signatures[number])), np.int64)

    def insert(self, number: int) -> None:
        self._bands.insert(number, self._sketcher.restore(self._sketches.signatures[number]))
