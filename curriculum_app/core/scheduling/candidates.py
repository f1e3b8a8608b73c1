"""Distinct candidates of a schedule: sequences with the same counts are one candidate with several members (pure)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from curriculum_app.core.mixture_curve import Float
from curriculum_app.core.packing import Int
from curriculum_app.core.scheduling.target import Rows


@dataclass(frozen=True)
class Classes:
    """`first` (G,) is one row of each class; its rows stand in `members[offsets[g]:offsets[g + 1]]`, ascending."""

    first: Int
    members: Int
    offsets: Int


def classes_of(rows: Rows) -> Classes:
    """Rows that are equal in every entry, together; classes in the order of their lowest rows.

    Rows are compared by 64 random bits an entry and then entry by entry.
    """
    kind = _kinds(_digests(rows))
    members = np.argsort(kind, kind="stable")
    offsets = np.searchsorted(kind[members], np.arange(kind.max(initial=-1) + 2))
    first = members[offsets[:-1]]
    if not _equal(rows, first[kind]):
        alone = np.arange(rows.shape[0])
        return Classes(alone, alone, np.arange(rows.shape[0] + 1))
    return Classes(first, members, offsets)


def _kinds(digests: NDArray[np.uint64]) -> Int:
    """Number of each row's class, in the order in which classes first occur."""
    _, first, kind = np.unique(digests, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[kind]


def _digests(rows: Rows) -> NDArray[np.uint64]:
    """Shape (M,): the sum of a mix of column and value over a row's entries."""
    with np.errstate(over="ignore"):
        mixed = rows.indices.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) ^ rows.data.view(np.uint64)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):
            mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
        sums = np.append(np.uint64(0), np.cumsum(mixed))
        return np.asarray(sums[rows.indptr[1:]] - sums[rows.indptr[:-1]], dtype=np.uint64)


def _equal(rows: Rows, other: Int) -> bool:
    """Whether every row equals the row `other` of the same matrix."""
    moved = other != np.arange(rows.shape[0])
    mine, theirs = rows[np.flatnonzero(moved)], rows[other[moved]]
    same = (np.array_equal(getattr(mine, part), getattr(theirs, part)) for part in ("indptr", "indices", "data"))
    return all(same)


def lengths_of(rows: Rows) -> Float:
    return np.asarray(rows.sum(axis=1), dtype=np.float64)


def joined(groups: Rows, bins: Rows, weight: float, unit: float) -> Rows:
    """Counts by group and, times `weight`, by length bin in one matrix, in units of `unit` tokens."""
    both = sparse.csr_array(sparse.hstack([groups, weight * bins], format="csr") / unit)
    both.eliminate_zeros()
    both.sort_indices()
    return both
