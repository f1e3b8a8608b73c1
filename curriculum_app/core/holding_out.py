"""Which documents may be held out and which may train the tokenizer (pure).

Documents that go together (`dedup.alike`) stand on one side. Every such set has a rank in [0, 1) that follows from its
texts and the seed alone. Those below `share` are never trained on, in whatever version they are; held out are the first
of them, by rank, and where they are too few the next. So what one version holds out no other of its lineage trains on.

The tokenizer is trained before anyone knows how many tokens a document has. So each domain first sets a generous
reserve of documents aside: held-out text comes from the reserve only and the tokenizer never sees it; what the reserve
does not need returns to training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chimera.errors import InputError, Problem
from curriculum_app.core.dedup.alike import Keys
from curriculum_app.core.packing import Int, Tokens

GENEROUS_BYTES_PER_TOKEN = 8  # more than any vocabulary up to 65,536 reaches on average
DOCUMENTS_AT_LEAST = 8  # no held-out document gives more than 1/8 of its domain's text, if others can
TOKENIZER_BYTES = 8_000_000


@dataclass(frozen=True)
class Split:
    """Rows of one domain's documents: `reserve` in the order to hold out, `rest` in the order to sample."""

    reserve: Int
    rest: Int


@dataclass(frozen=True)
class Sets:
    """Per document, shape (D,): the set it belongs to, and that set's rank in [0, 1)."""

    together: Keys
    rank: NDArray[np.float64]

    def firsts(self, rows: Int) -> Int:
        """Of rows in order, the first of each set."""
        _, first = np.unique(self.together[rows], return_index=True)
        chosen: Int = rows[np.sort(first)]
        return chosen

    def with_any(self, rows: Int) -> NDArray[np.bool_]:
        """Shape (D,): whether a document belongs to the set of one of the rows."""
        return np.isin(self.together, self.together[rows])


@dataclass(frozen=True)
class Cut:
    """The split of each domain, in order of the domains; no set is in one domain's reserve and another one's rest."""

    splits: Mapping[str, Split]
    sets: Sets
    share: float

    def kept_from_training(self, held_out: Mapping[str, Int]) -> NDArray[np.bool_]:
        """Shape (D,): the documents that no sequence may hold.

        They are all of a set that is below `share` or up to the last that its domain held out.

        Args:
            held_out: rows of each domain that were held out, in the order of its reserve.
        """
        sides = [np.zeros(0, dtype=np.int64)]
        for domain, rows in held_out.items():
            reserve = self.splits[domain].reserve
            ranks, last = self.sets.rank[reserve], self.sets.rank[rows[-1]]
            sides.append(reserve[(ranks < self.share) | (ranks <= last)])
        return self.sets.with_any(np.concatenate(sides))


def cut_domains(
    rows: Mapping[str, Int],
    num_bytes: Int,
    sets: Sets,
    wanted: int,
    share: float,
    *,
    apart: Sequence[str] = (),
    all_usable: bool = True,
) -> Cut:
    """Split every domain; what belongs to a set in one domain's reserve leaves the rest of the others.

    Args:
        rows: document rows of each domain. wanted: held-out tokens of each. apart: domains without a reserve.
    """
    none = np.zeros(0, dtype=np.int64)
    reserves = {
        domain: none if domain in apart else reserve_of(mine, num_bytes, sets, wanted, share, all_usable=all_usable)
        for domain, mine in rows.items()
    }
    reserved = sets.with_any(np.concatenate([none, *reserves.values()]))
    splits = {}
    for domain, mine in rows.items():
        free = mine[~reserved[mine]]
        last_first = np.lexsort((free, sets.together[free], sets.rank[free]))[::-1]  # what is hardly ever held out
        splits[domain] = Split(reserves[domain], free[last_first])
    return Cut(splits, sets, share)


def reserve_of(rows: Int, num_bytes: Int, sets: Sets, wanted: int, share: float, *, all_usable: bool = True) -> Int:
    """Documents set aside, sets by rank, until they surely hold `wanted` tokens and the `share`.

    Never more than half the bytes; a set with more than half of them is passed over.

    Args:
        rows: document rows of the domain. num_bytes: (D,) UTF-8 bytes of every document.
        all_usable: whether every document gives text; if not (a conversation may be too long), half is set aside.
    """
    order = rows[np.lexsort((rows, sets.together[rows], sets.rank[rows]))]
    starts = np.flatnonzero(np.diff(sets.together[order], prepend=~sets.together[order[:1]]) != 0)
    sizes, half = np.add.reduceat(num_bytes[order], starts), num_bytes[rows].sum() / 2
    small = sizes <= half
    within = int(np.searchsorted(np.cumsum(sizes[small]), half, side="right"))
    limit = -(-wanted // DOCUMENTS_AT_LEAST) * GENEROUS_BYTES_PER_TOKEN
    firsts = order[starts[small]]
    offered = np.cumsum(np.minimum(num_bytes[firsts], limit))
    enough = int(np.searchsorted(offered, wanted * GENEROUS_BYTES_PER_TOKEN)) + 1
    enough = max(enough, int(np.count_nonzero(sets.rank[firsts] < share)))
    chosen = sets.together[firsts[: min(enough, within) if all_usable else within]]
    reserve: Int = order[np.isin(sets.together[order], chosen)]
    return reserve


def hold_out(
    domain: str, documents: Sequence[Tokens], wanted: int, inside: NDArray[np.bool_] | None = None
) -> list[Tokens]:
    """The beginnings of the reserve's documents that make up at least `wanted` tokens.

    A document gives at most an eighth of it, unless that is not enough; none is cut inside a character.

    Args:
        inside: (V,) whether a token begins in the middle of a character; None: none does.

    Returns:
        Token ids by document; the documents beyond the list's end are not needed.

    Raises:
        InputError: the reserve holds fewer tokens.
    """
    for limit in (-(-wanted // DOCUMENTS_AT_LEAST), wanted):
        taken: list[Tokens] = []
        missing = wanted
        for tokens in documents:
            if missing <= 0:
                break
            taken.append(tokens[: _end_of_character(tokens, limit, inside)])
            missing -= len(taken[-1])
        if missing <= 0:
            return taken
    raise _too_small(domain, sum(len(tokens) for tokens in documents), wanted)


def _end_of_character(tokens: Tokens, end: int, inside: NDArray[np.bool_] | None) -> int:
    """The first place from `end` on where a character ends."""
    while inside is not None and end < len(tokens) and inside[tokens[end]]:
        end += 1
    return end


def hold_out_whole(domain: str, sizes: Sequence[int], wanted: int) -> int:
    """How many of the reserve's documents, from the first on and whole, hold at least `wanted` tokens.

    Args:
        sizes: tokens of each document of the reserve.

    Raises:
        InputError: the reserve holds fewer tokens.
    """
    reached = np.flatnonzero(np.cumsum(np.asarray(sizes, dtype=np.int64)) >= wanted)
    if not len(reached):
        raise _too_small(domain, int(sum(sizes)), wanted)
    return int(reached[0]) + 1


def _too_small(domain: str, available: int, wanted: int) -> InputError:
    return InputError(
        Problem(
            f"domain {domain!r} is too small: at most half of it may be held out, which is {available:,} tokens "
            f"of the {wanted:,} wanted",
            field="held_out_tokens",
            hint=f"lower it to {available} or less, or import more {domain} documents" if available else "import more",
        )
    )


def tokenizer_sample(parts: Sequence[Int], num_bytes: Int, limit: int = TOKENIZER_BYTES) -> Int:
    """Sorted rows of a sample of at most about `limit` bytes, spread evenly over the domains.

    What a small domain cannot use goes to the larger ones.
    """
    totals = np.array([num_bytes[rows].sum() for rows in parts], dtype=np.float64)
    chosen: list[Int] = []
    left = float(limit)
    for turn, number in enumerate(np.argsort(totals, kind="stable")):
        rows = parts[number]
        fair = left / (len(parts) - turn)
        count = int(np.searchsorted(np.cumsum(num_bytes[rows]), fair, side="right"))
        chosen.append(rows[: max(count, 1)])
        left = max(0.0, left - float(num_bytes[chosen[-1]].sum()))
    return np.sort(np.concatenate(chosen)) if chosen else np.zeros(0, dtype=np.int64)
