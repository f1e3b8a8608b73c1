"""Bands in a store that several processes fill: the buckets of sorting in memory, whoever writes what and how often."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from chimera.errors import InputError
from curriculum_app.core.dedup.config import NearDuplicateConfig
from curriculum_app.core.dedup.index import Buckets, Places, buckets
from curriculum_app.core.dedup.shared_index import SharedBands

BANDS, ROWS, TOTAL = 4, 2, 60


class Pieces:
    """A store in a dictionary."""

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}

    def append(self, pieces: Mapping[str, bytes]) -> None:
        for name, data in pieces.items():
            self.held[name] = self.held.get(name, b"") + data

    def read(self, names: Sequence[str]) -> list[bytes]:
        return [self.held.get(name, b"") for name in names]

    def remove(self, names: Sequence[str]) -> None:
        for name in names:
            self.held.pop(name, None)


def signatures_of(seed: int) -> np.ndarray:
    """So few values that many documents share a band."""
    return np.random.default_rng(seed).integers(0, 6, (TOTAL, BANDS * ROWS), dtype=np.uint32)


def as_sets(table: Buckets) -> list[set[frozenset[int]]]:
    """Per band the buckets as sets of documents: their numbers mean nothing."""
    return [
        {frozenset(np.flatnonzero(column == bucket).tolist()) for bucket in set(column[column >= 0].tolist())}
        for column in table.T
    ]


def shared(parts: int) -> SharedBands:
    return SharedBands(Pieces(), "test", BANDS, ROWS, parts)


def everybody() -> Places:
    return np.arange(TOTAL)


@given(st.integers(0, 1000), st.integers(1, 70), st.lists(st.integers(0, TOTAL), max_size=4), st.randoms())
def test_the_buckets_are_those_of_sorting_whoever_adds_what(seed: int, parts: int, cuts: list[int], rng) -> None:
    signatures, store = signatures_of(seed), shared(parts)
    portions = np.split(everybody(), sorted(cuts))
    portions.append(portions[0])  # a task that was done again
    rng.shuffle(portions)
    for numbers in portions:
        store.add(signatures[numbers], numbers)
    order = np.random.default_rng(seed).permutation(TOTAL)[:40]  # others are exact copies
    found = store.buckets(order, TOTAL, TOTAL)
    assert as_sets(found) == as_sets(buckets(signatures, BANDS, ROWS, order))
    assert found.max() + 1 == sum(map(len, as_sets(found)))


def test_nothing_is_left_after_removal() -> None:
    store = shared(3)
    store.add(signatures_of(0), everybody())
    assert isinstance(store.store, Pieces) and len(store.store.held) == 3 * BANDS
    store.remove()
    assert store.store.held == {}


def test_a_store_that_loses_entries_is_noticed() -> None:
    store = shared(3)
    store.add(signatures_of(0), everybody())
    store.store.remove(["test:2:1"])
    with pytest.raises(InputError, match=r"near_duplicates\.index: .* of 60 documents"):
        store.buckets(everybody(), TOTAL, TOTAL)


def test_where_the_index_is_kept_does_not_decide_and_needs_our_engine() -> None:
    assert NearDuplicateConfig(index="redis").deciding() == NearDuplicateConfig().deciding()
    with pytest.raises(ValidationError, match="needs the engine bands"):
        NearDuplicateConfig(index="redis", engine="datasketch")
