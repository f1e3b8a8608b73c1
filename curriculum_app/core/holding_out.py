"""Which documents may be held out and which may train the tokenizer (pure).

The tokenizer is trained before anyone knows how many tokens a document has. So each domain first sets a generous
reserve of documents aside: held-out text comes from the reserve only and the tokenizer never sees it; what the reserve
does not need returns to training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chimera.errors import InputError, Problem
from curriculum_app.core.packing import Int, Tokens

GENEROUS_BYTES_PER_TOKEN = 8  # more than any vocabulary up to 65,536 reaches on average
DOCUMENTS_AT_LEAST = 8  # no held-out document gives more than 1/8 of its domain's text, if others can
TOKENIZER_BYTES = 8_000_000


@dataclass(frozen=True)
class Split:
    """Rows of one domain's documents: `reserve` in the order to hold out, `rest` in the order to sample."""

    reserve: Int
    rest: Int


def split_domain(
    rows: Int, num_bytes: Int, held_out_tokens: int, rng: np.random.Generator, *, all_usable: bool = True
) -> Split:
    """Set documents aside, in random order, until they surely hold `held_out_tokens`; never more than half the bytes.

    Args:
        rows: document rows of the domain. num_bytes: (D,) UTF-8 bytes of every document.
        all_usable: whether every document gives text; if not (a conversation may be too long), half is set aside.
    """
    order = rng.permutation(rows)
    sizes = num_bytes[order]
    share = -(-held_out_tokens // DOCUMENTS_AT_LEAST) * GENEROUS_BYTES_PER_TOKEN
    offered = np.cumsum(np.minimum(sizes, share))
    enough = int(np.searchsorted(offered, held_out_tokens * GENEROUS_BYTES_PER_TOKEN)) + 1
    half = int(np.searchsorted(np.cumsum(sizes), sizes.sum() / 2, side="right"))
    count = min(enough, half) if all_usable else half
    return Split(order[:count], order[count:])


def hold_out(domain: str, documents: Sequence[Tokens], wanted: int) -> list[Tokens]:
    """The beginnings of the reserve's documents that make up at least `wanted` tokens.

    A document gives at most an eighth of it, unless that is not enough.

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
            taken.append(tokens[:limit])
            missing -= len(taken[-1])
        if missing <= 0:
            return taken
    raise _too_small(domain, sum(len(tokens) for tokens in documents), wanted)


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
