"""Recall and precision of the chosen bands, measured against exact Jaccard on a sample of documents.

What is estimated: of all pairs of compared documents with exact similarity of at least `threshold`, the share that
the bands propose (recall), and of the proposed pairs the share that is so similar (precision; the exact check, which
follows, brings it to 1). A uniform sample of a large corpus would hold hardly a similar pair, so most of the sample is
drawn as pairs. They come from a second, far looser banding that proposes nearly every similar pair (its probability
at the threshold is in the result) and are chosen without a look at the bands that are measured: recall is not biased
by the choice. Precision is that of the sample; the dissimilar pairs of a whole corpus are a larger share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from curriculum_app.core.dedup.config import NearDuplicateConfig
from curriculum_app.core.dedup.index import band_keys
from curriculum_app.core.dedup.near_duplicates import probability_of_proposal
from curriculum_app.core.dedup.shingles import Numbers, shingle_numbers
from curriculum_app.core.dedup.sketches import Sketches

MAX_DOCUMENTS = 400
DRAWN_AS_PAIRS = 300  # of these documents; the rest is drawn uniformly
MAX_SHINGLES = 1_000_000  # of all documents of the sample: they are held in memory at once
BINS = 20
_LOOSE_ROWS = 4
_LOOSE_MARGIN = 0.2  # of estimated similarity below the threshold: five standard errors of 128 permutations


def measure_bands(
    sketches: Sketches, text_of: Callable[[int], str], config: NearDuplicateConfig, visit: NDArray[np.int64]
) -> dict[str, Any]:
    """Counts over all pairs of the sample, `recall` and `precision` (None where there is nothing to divide by).

    `visit`: the documents to draw from, in visiting order. `bins`: per twentieth of similarity the `pairs` of the
    sample and how many of them are `proposed`.
    """
    sample = sample_of(sketches, config, visit)
    length, unit = config.shingle_length, config.shingle_unit
    exact, proposed = np.zeros(0), np.zeros(0, dtype=bool)
    if len(sample) > 1:
        upper = np.triu_indices(len(sample), 1)
        exact = jaccard_matrix(shingle_numbers(text_of(number), length, unit) for number in sample)[upper]
        proposed = shares_a_band(sketches.signatures[sample], config.bands, config.rows)[upper]
    similar = exact >= config.threshold
    found = int((similar & proposed).sum())
    pairs, hits = histogram(exact), histogram(exact[proposed])
    return {
        "documents": len(sample),
        "pairs": len(exact),
        "similar": int(similar.sum()),
        "proposed": int(proposed.sum()),
        "found": found,
        "recall": found / int(similar.sum()) if similar.any() else None,
        "precision": found / int(proposed.sum()) if proposed.any() else None,
        "expected_at_threshold": probability_of_proposal(config.threshold, config.bands, config.rows),
        "sampled_at_threshold": probability_of_proposal(config.threshold, *_loose_bands(config)),
        "bins": [{"pairs": total, "proposed": hit} for total, hit in zip(pairs, hits, strict=True)],
    }


def histogram(similarities: Sequence[float] | NDArray[np.float64]) -> list[int]:
    """Counts in `BINS` equal bins of [0, 1]; 1 is in the last."""
    counts: list[int] = np.histogram(similarities, bins=BINS, range=(0.0, 1.0))[0].tolist()
    return counts


def sample_of(sketches: Sketches, config: NearDuplicateConfig, visit: NDArray[np.int64]) -> list[int]:
    """Numbers of at most `MAX_DOCUMENTS` documents with shingles; the order of the input does not matter."""
    visit = visit[sketches.num_shingles[visit] > 0]
    rng = np.random.default_rng(config.seed)
    chosen: dict[int, None] = {}
    room = MAX_SHINGLES
    pairs = ((int(visit[a]), int(visit[b])) for a, b in _likely_pairs(sketches.signatures[visit], config, rng))
    singles = ((int(visit[place]),) for place in rng.permutation(len(visit)))
    for limit, drawn in ((DRAWN_AS_PAIRS, pairs), (MAX_DOCUMENTS, singles)):
        for numbers in drawn:
            new = [number for number in numbers if number not in chosen]
            size = int(sketches.num_shingles[new].sum())
            if len(chosen) + len(new) > limit:
                break
            if size <= room:
                room -= size
                chosen.update(dict.fromkeys(new))
    return list(chosen)


def _loose_bands(config: NearDuplicateConfig) -> tuple[int, int]:
    rows = min(_LOOSE_ROWS, config.rows)
    return config.num_perm // rows, rows


def _likely_pairs(
    signatures: NDArray[np.uint32], config: NearDuplicateConfig, rng: np.random.Generator
) -> Iterator[tuple[int, int]]:
    """Neighbours in a bucket of the loose bands whose signatures suggest a similarity near the threshold or above."""
    bands, rows = _loose_bands(config)
    neighbours = [_neighbours(band_keys(signatures, band, rows)) for band in range(bands)]
    pairs = np.unique(np.concatenate(neighbours), axis=0)
    for a, b in rng.permutation(pairs).tolist():
        if np.mean(signatures[a] == signatures[b]) >= config.threshold - _LOOSE_MARGIN:
            yield a, b


def _neighbours(keys: NDArray[np.uint64]) -> NDArray[np.int64]:
    """`[pairs, 2]`: documents next to each other in a bucket."""
    place = np.argsort(keys, kind="stable")
    same = keys[place][1:] == keys[place][:-1]
    return np.stack([place[:-1][same], place[1:][same]], axis=1).astype(np.int64)


def jaccard_matrix(sets: Iterable[Numbers]) -> NDArray[np.float64]:
    """Exact Jaccard similarity of every two sets of distinct numbers, `[n, n]`; they may be made one at a time."""
    found = list(sets)
    sizes = np.array([len(numbers) for numbers in found])
    _, columns = np.unique(np.concatenate(found), return_inverse=True)
    rows = np.repeat(np.arange(len(found)), sizes)
    shape = (len(found), int(columns.max(initial=-1)) + 1)
    holds = sparse.csr_array((np.ones(len(rows), np.int32), (rows, columns)), shape=shape)
    shared = (holds @ holds.T).toarray()
    union = sizes[:, None] + sizes[None, :] - shared
    similarity: NDArray[np.float64] = shared / np.maximum(union, 1)
    return similarity


def shares_a_band(signatures: NDArray[np.uint32], bands: int, rows: int) -> NDArray[np.bool_]:
    """`[n, n]`: whether two documents agree in all rows of a band, which is when the index proposes them."""
    found = np.zeros((len(signatures), len(signatures)), dtype=bool)
    for band in range(bands):
        part = signatures[:, band * rows : (band + 1) * rows]
        found |= (part[:, None, :] == part[None, :, :]).all(axis=2)
    return found
