"""The pool: a seeded stratified sample of exactly the token budget (pure)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from chimera.errors import InputError, Problem
from curriculum_app.core.packing import Int
from curriculum_app.core.schedule import multiset_digest
from curriculum_app.core.sequences import SequenceTable


@dataclass(frozen=True)
class Pool:
    """Sequences every arm of a study is shown: sorted `ids`, `digest` of the multiset, total `tokens`."""

    ids: Int
    digest: str
    tokens: int


def draw_pool(table: SequenceTable, budget_tokens: int, seed: int) -> Pool:
    """Draw sequences without replacement, in proportion to the size of each stratum (domain x difficulty).

    A sequence belongs to the domain and the difficulty bin that most of its tokens have. Quotas are rounded by largest
    remainder, so the budget is met exactly; equal arguments give equal pools.

    Raises:
        InputError: the sequences differ in length, the budget is not a multiple of it, or the table is too small.
    """
    count = _sequences_for(table, budget_tokens)
    rng = np.random.default_rng(seed)
    strata = _strata(table)
    quotas = largest_remainder(np.bincount(strata), count)
    drawn = [
        rng.choice(np.flatnonzero(strata == stratum), size=quota, replace=False)
        for stratum, quota in enumerate(quotas)
        if quota
    ]
    ids = np.sort(np.concatenate(drawn)).astype(np.int64)
    return Pool(ids, multiset_digest(ids), int(table.lengths[ids].sum()))


def _sequences_for(table: SequenceTable, budget: int) -> int:
    length, available = table.sequence_length, table.num_tokens
    if np.any(table.lengths != length):
        raise InputError(Problem("the sequences differ in length: a pool needs equal ones", field="sequences"))
    if budget > available:
        raise InputError(
            Problem(
                f"the budget of {budget:,} tokens is larger than the {available:,} tokens available for training",
                field="budget_tokens",
                hint=f"at most {available} ({table.num_sequences:,} sequences of {length})",
            )
        )
    if budget % length or not budget:
        below, above = budget // length * length, (budget // length + 1) * length
        near = [value for value in (below, above) if 0 < value <= available]
        raise InputError(
            Problem(
                f"the budget of {budget:,} tokens is not a multiple of the sequence length {length}",
                field="budget_tokens",
                hint="use " + " or ".join(str(value) for value in near),
            )
        )
    return budget // length


def _strata(table: SequenceTable) -> Int:
    """Shape (M,): consecutive numbers of the non-empty strata."""
    code = np.zeros(table.num_sequences, dtype=np.int64)
    for name in table.grouping_names:
        grouping = table.grouping(name)
        code = code * len(grouping.names) + np.asarray(grouping.counts.argmax(axis=1)).ravel()
    return np.unique(code, return_inverse=True)[1].astype(np.int64)


def largest_remainder(sizes: ArrayLike, count: int) -> Int:
    """Whole numbers in proportion to `sizes` that sum to `count`; equal remainders go to the first.

    With count <= sum(sizes) no number exceeds its size.
    """
    whole = np.asarray(sizes, dtype=np.int64)
    total = int(whole.sum())
    quotas, remainders = np.divmod(whole * count, total)
    missing = count - int(quotas.sum())
    quotas[np.argsort(-remainders, kind="stable")[:missing]] += 1
    return quotas
