"""Spherical k-means by FAISS, and the assignment of every row, block by block (pure)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curriculum_app.core.encoders.base import Vectors, unit_rows
from curriculum_app.core.packing import Int

BLOCK = 4096


@dataclass(frozen=True)
class Assignment:
    """Per row: its cluster, the cosine to that centre, and how much nearer it is than the next best (0 for k = 1)."""

    cluster: Int
    cosine: NDArray[np.float32]
    margin: NDArray[np.float32]


def blocks(vectors: NDArray[Any]) -> Iterator[tuple[slice, Vectors]]:
    """`(rows, those rows as float32 of length one)`; vectors may be half-precision and on disk."""
    for start in range(0, len(vectors), BLOCK):
        rows = slice(start, min(start + BLOCK, len(vectors)))
        yield rows, unit_rows(np.asarray(vectors[rows], dtype=np.float32))


@contextmanager
def _one_faiss_thread() -> Iterator[Any]:
    """Sums over several threads come in any order; with one, equal seeds give equal centres."""
    import faiss

    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield faiss
    finally:
        faiss.omp_set_num_threads(before)


def find_centres(rows: Vectors, clusters: int, *, iterations: int, restarts: int, seed: int) -> Vectors:
    """Centres of length one, shape [clusters, d], of unit rows (Dhillon & Modha 2001).

    Args:
        rows: at least `clusters` rows of length one.
    """
    with _one_faiss_thread() as faiss:
        kmeans = faiss.Kmeans(
            rows.shape[1],
            clusters,
            niter=iterations,
            nredo=restarts,
            seed=seed,
            spherical=True,
            min_points_per_centroid=1,
            max_points_per_centroid=len(rows),  # the sample was drawn already
        )
        kmeans.train(np.ascontiguousarray(rows))
        return unit_rows(kmeans.centroids)


def assign(vectors: NDArray[Any], centres: Vectors) -> Assignment:
    """The nearest centre of every row, by cosine; of equally near ones the first."""
    count = len(vectors)
    found = Assignment(np.zeros(count, np.int64), np.zeros(count, np.float32), np.zeros(count, np.float32))
    for rows, unit in blocks(vectors):
        cosine = unit @ centres.T
        best = cosine.argmax(axis=1)
        found.cluster[rows] = best
        found.cosine[rows] = np.take_along_axis(cosine, best[:, None], 1)[:, 0]
        if len(centres) > 1:
            found.margin[rows] = found.cosine[rows] - np.partition(cosine, -2, axis=1)[:, -2]
    return found


def largest_first(found: Assignment, centres: Vectors) -> tuple[Assignment, Vectors]:
    """Clusters numbered by size, the largest 0; centres that no row is nearest to are left out."""
    sizes = np.bincount(found.cluster, minlength=len(centres))
    order = np.argsort(-sizes, kind="stable")[: np.count_nonzero(sizes)]
    number = np.full(len(centres), -1, dtype=np.int64)
    number[order] = np.arange(len(order))
    return Assignment(number[found.cluster], found.cosine, found.margin), centres[order]
