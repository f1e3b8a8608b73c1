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

    A sequence belongs to the domain and the difficulty bin that most of its tokens have. Packed text meets the budget
    exactly, by quotas rounded by largest remainder. Conversations and pairs differ in length: as many are drawn as
    keep within the budget. Equal arguments give equal pools.

    Raises:
        InputError: the budget is no multiple of the sequence length, too small for any, or the table is too small.
    """
    _require_enough(table, budget_tokens)
    rng = np.random.default_rng(seed)
    strata = _strata(table)
    if table.form != "text":
        return pool_of(table, _within(table.lengths, strata, budget_tokens, rng))
    every = np.arange(table.num_sequences)
    return pool_of(table, _in_proportion(every, strata, sequences_for(table, budget_tokens), rng))


def draw_among(table: SequenceTable, among: Int, count: int, seed: int) -> Int:
    """`count` of the sequences `among`, without replacement and in proportion to the size of each stratum."""
    return _in_proportion(among, _strata(table)[among], count, np.random.default_rng(seed))


def _in_proportion(among: Int, strata: Int, count: int, rng: np.random.Generator) -> Int:
    quotas = largest_remainder(np.bincount(strata), count)
    drawn = [
        rng.choice(among[strata == stratum], size=quota, replace=False) for stratum, quota in enumerate(quotas) if quota
    ]
    return np.concatenate(drawn)


def every_sequence(table: SequenceTable, budget_tokens: int, copies: Int | None = None) -> Pool:
    """All sequences, for a policy that chooses among them what it shows; `copies` (M,) of each, or one.

    Raises:
        InputError: the budget is no multiple of the sequence length, or larger than all of them.
    """
    ids = np.repeat(np.arange(table.num_sequences), 1 if copies is None else copies)
    _require_enough(table, budget_tokens, ids)
    if table.form == "text":
        sequences_for(table, budget_tokens)
    return pool_of(table, ids)


def unit_of(table: SequenceTable) -> int:
    """What a budget is a multiple of, in tokens."""
    return table.sequence_length if table.form == "text" else 1


def pool_of(table: SequenceTable, drawn: Int) -> Pool:
    """The pool of these sequences, each once."""
    ids = np.sort(drawn).astype(np.int64)
    return Pool(ids, multiset_digest(ids), int(table.lengths[ids].sum()))


def _within(lengths: Int, strata: Int, budget: int, rng: np.random.Generator) -> Int:
    """Of every stratum its share of the budget, in random order; then whatever still fits, from all of them.

    Raises:
        InputError: the budget is smaller than any sequence.
    """
    order = rng.permutation(len(lengths))
    share = budget / int(lengths.sum())
    chosen = np.zeros(len(lengths), dtype=bool)
    for stratum in np.unique(strata):
        mine = order[strata[order] == stratum]
        ends = np.cumsum(lengths[mine])
        chosen[mine[ends <= share * ends[-1]]] = True
    left = budget - int(lengths[chosen].sum())
    for sequence in order[~chosen[order]]:
        if lengths[sequence] <= left:
            chosen[sequence] = True
            left -= int(lengths[sequence])
    if not chosen.any():
        shortest = int(lengths.min())
        message = f"the budget of {budget:,} tokens is smaller than every sequence"
        raise InputError(Problem(message, field="budget_tokens", hint=f"at least {shortest}, the shortest"))
    return np.flatnonzero(chosen)


def _require_enough(table: SequenceTable, budget: int, ids: Int | None = None) -> None:
    count, available = table.num_sequences, table.num_tokens
    if ids is not None:
        count, available = len(ids), int(table.lengths[ids].sum())
    if budget <= available:
        return
    kind = f"sequences of {table.sequence_length}" if table.form == "text" else "sequences"
    raise InputError(
        Problem(
            f"the budget of {budget:,} tokens is larger than the {available:,} tokens available for training",
            field="budget_tokens",
            hint=f"at most {available} ({count:,} {kind})",
        )
    )


def sequences_for(table: SequenceTable, budget: int) -> int:
    """How many sequences of packed text a budget is.

    Raises:
        InputError: it is no multiple of the sequence length; names the nearest that are.
    """
    length, available = table.sequence_length, table.num_tokens
    if budget % length or not budget:
        below, above = budget // length * length, (budget // length + 1) * length
        near = [value for value in (below, above) if 0 < value <= available] or [max(below, length)]
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
