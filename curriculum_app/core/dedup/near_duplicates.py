"""Global near-duplicate removal: MinHash-LSH proposes, the exact Jaccard similarity of the shingles disposes.

SlimPajama's recipe (char-13 shingles, 128 permutations) with 16 bands of 8 rows, which proposes 99.4 % of the pairs
above 0.8 where SlimPajama's own 9 x 13 proposes 86 %; the exact check then makes precision 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
from scipy.special import bdtr

from curriculum_app.core.dedup.components import Link, one_per_component
from curriculum_app.core.dedup.config import NearDuplicateConfig
from curriculum_app.core.dedup.index import Buckets, Index, Places, open_index
from curriculum_app.core.dedup.shingles import jaccard, shingle_numbers
from curriculum_app.core.dedup.sketches import Sketches

_CACHED_TEXTS = 128
_SKIPPED = 1e-6  # the chance, at most, that a pair as similar as the threshold is not compared


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Document number `removed` has exact similarity `jaccard` to document number `kept`, which stays.

    `edge` is the number of the document whose similarity to it, `edge_jaccard`, reached the threshold: the kept one
    under `direct`, the next one on the way to the kept one under `component`.
    """

    removed: int
    kept: int
    jaccard: float
    edge: int
    edge_jaccard: float


def find_duplicates(
    sketches: Sketches,
    text_of: Callable[[int], str],
    config: NearDuplicateConfig,
    *,
    order: Places | None = None,
    first: int = 0,
    buckets: Buckets | None = None,
) -> list[Duplicate]:
    """Every document to remove, in order of number. `text_of(number)` is read for proposed pairs only.

    Documents are visited from most to least worth keeping: domain priority, then longer first, then id, so the
    result does not depend on the order of the input. `direct`: a document is removed if one already kept is at least
    `threshold` similar to it. `component`: of all documents linked by such pairs the first stays. `order` restricts
    the search to these documents, which must be in visiting order. The first `first` documents belong to versions
    that exist: they always stay and are not compared with each other. `buckets` are those of the index where they have
    been found already (`shared_index`).

    A similar pair is missed when the bands do not propose it (`probability_of_proposal`), or, with a chance of at most
    one in a million, because its signatures agree in fewer than `least_agreement` values.
    """
    if order is None:
        order = sketches.visiting_order(config.priority, first)
    compare = _Comparison(sketches, text_of, config, order)
    index = open_index(sketches, config, order, buckets)
    found = (_direct if config.keep == "direct" else _components)(compare, index, first)
    return sorted(found, key=lambda duplicate: duplicate.removed)


def _direct(compare: _Comparison, index: Index, first: int) -> Iterator[Duplicate]:
    for number in index.visit():
        found = None
        if number >= first:
            found = next(compare.similar(number, index.proposed(number)), None)
        if found is None:
            index.insert(number)
        else:
            yield Duplicate(number, found.other, found.jaccard, found.other, found.jaccard)


def _components(compare: _Comparison, index: Index, first: int) -> Iterator[Duplicate]:
    """Pairs inside one component are not compared again: what joins it together is enough."""
    visit, joined = index.visit(), _Components(len(compare.sketches))
    links = []
    for number in visit:
        if number >= first:
            apart = joined.apart(number, index.proposed(number))
            for link in compare.similar(number, apart, partial(joined.still_apart, number)):
                joined.merge(number, link.other)
                links.append(link)
        index.insert(number)
    for removed, kept, link in one_per_component(links, visit):
        if removed >= first:
            jaccard_to_kept = link.jaccard if link.other == kept else compare.jaccard(removed, kept)
            yield Duplicate(removed, kept, jaccard_to_kept, link.other, link.jaccard)


class _Components:
    """Which documents are linked, as one number for each: asking about many is one look at an array."""

    def __init__(self, total: int) -> None:
        self._label = np.arange(total, dtype=np.int32)
        self._members: dict[int, list[int]] = {}

    def apart(self, number: int, others: Places) -> Places:
        """Those of `others` that are not linked with `number` yet."""
        unlinked: Places = others[self._label[others] != self._label[number]]
        return unlinked

    def still_apart(self, a: int, b: int) -> bool:
        return bool(self._label[a] != self._label[b])

    def merge(self, a: int, b: int) -> None:
        """The smaller component takes the label of the larger one, so no document changes it more than log n times."""
        large, small = int(self._label[a]), int(self._label[b])
        members = {label: self._members.pop(label, [label]) for label in (large, small)}
        if len(members[large]) < len(members[small]):
            large, small = small, large
        self._label[members[small]] = large
        self._members[large] = members[large] + members[small]


class _Comparison:
    """The exact check of proposed pairs."""

    def __init__(
        self, sketches: Sketches, text_of: Callable[[int], str], config: NearDuplicateConfig, order: Places
    ) -> None:
        self.sketches, self.config = sketches, config
        self._rank = np.empty(len(sketches), np.int32)
        self._rank[order] = np.arange(len(order), dtype=np.int32)
        length, unit = config.shingle_length, config.shingle_unit
        self._shingles_of = lru_cache(_CACHED_TEXTS)(lambda number: shingle_numbers(text_of(number), length, unit))
        self._least_agreement = least_agreement(config.threshold, config.num_perm)

    def similar(self, number: int, proposed: Places, wanted: Callable[[int], bool] = lambda _: True) -> Iterator[Link]:
        """Those that pass the exact check, the most alike by signature first, one at a time as they are asked for."""
        for other in self._hopeful(number, proposed).tolist():
            if wanted(other):
                similarity = self.jaccard(number, other)
                if similarity >= self.config.threshold:
                    yield Link(number, other, similarity)

    def jaccard(self, a: int, b: int) -> float:
        return jaccard(self._shingles_of(a), self._shingles_of(b))

    def _hopeful(self, number: int, proposed: Places) -> Places:
        """Without the pairs that need no text: Jaccard is at most the ratio of the set sizes, and signatures of a
        similar pair hardly ever agree in fewer than `least_agreement` values.
        """
        if not len(proposed):
            return proposed
        signatures, sizes = self.sketches.signatures, self.sketches.num_shingles
        own, theirs = sizes[number], sizes[proposed]
        proposed = proposed[np.minimum(own, theirs) >= self.config.threshold * np.maximum(own, theirs)]
        agreement = np.count_nonzero(signatures[proposed] == signatures[number], axis=1)
        likely = agreement >= self._least_agreement
        proposed, agreement = proposed[likely], agreement[likely]
        return proposed[np.lexsort((self._rank[proposed], -agreement))]


def least_agreement(threshold: float, num_perm: int) -> int:
    """Values in which two signatures must agree for their pair to be compared.

    Each value of two signatures is equal with probability J, so the number of equal ones is binomial. This is the
    largest number that a pair of similarity `threshold` falls short of with a probability of at most 10⁻⁶; pairs more
    similar do so more rarely. 79 of 128 at 0.8. As exact as min-wise independence is, which 32-bit affine
    permutations only approach (Broder et al., Min-wise independent permutations, 2000, section 3).
    """
    tails = bdtr(np.arange(num_perm), num_perm, threshold)  # the probability of at most 0, 1, ... equal values
    return int(np.searchsorted(tails, _SKIPPED, side="right"))


def cross_source_matrix(pairs: Iterable[tuple[int, int]], sketches: Sketches) -> dict[str, dict[str, dict[str, int]]]:
    """Of `(removed, kept)`: `matrix[kept domain][removed domain] = {"documents", "bytes"}`; the diagonal is within."""
    matrix: dict[str, dict[str, dict[str, int]]] = {}
    for removed, kept in pairs:
        row = matrix.setdefault(sketches.domain(kept), {})
        cell = row.setdefault(sketches.domain(removed), {"documents": 0, "bytes": 0})
        cell["documents"] += 1
        cell["bytes"] += int(sketches.num_bytes[removed])
    return matrix


def probability_of_proposal(similarity: float, bands: int, rows: int) -> float:
    """1 − (1 − s^rows)^bands: how likely the index proposes a pair of similarity s (Leskovec et al., ch. 3)."""
    return float(1 - (1 - similarity**rows) ** bands)
