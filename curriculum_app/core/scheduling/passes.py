"""Showing sequences more or less often than once, by explicit numbers of passes (pure).

Up to about four passes over the same text are worth almost as much as new text (Muennighoff et al., arXiv 2305.16264);
more has to be asked for.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from chimera.errors import InputError, Problem
from curriculum_app.core.mixture_ledger import MOST_EPOCHS
from curriculum_app.core.packing import Int

MOST_COPIES = 20  # of one thing, whatever rate is asked for (PCMind-2.1, arXiv 2512.07612)


def repeated(
    ids: Int, passes: ArrayLike, rng: np.random.Generator, *, most: float = MOST_EPOCHS, field: str = "passes"
) -> Int:
    """Each of `ids` as often as its passes say, copies side by side, in the order of `ids`.

    Args:
        ids: shape (n,). passes: one number for all, or shape (n,): 0.3 is shown to three in ten, 2.5 two or three
            times. Rounded so that the copies are in all the nearest whole number to the sum of the passes.
        most: the cap; `field` names the setting in its error.

    Raises:
        InputError: passes that are negative, not finite, or more than `most`.
    """
    return np.repeat(ids, pass_counts(np.broadcast_to(passes, np.shape(ids)), rng, most=most, field=field))


def pass_counts(
    passes: ArrayLike, rng: np.random.Generator, *, most: float = MOST_EPOCHS, field: str = "passes"
) -> Int:
    """Shape (n,): ⌊p⌋ or ⌈p⌉ for each of `passes`, unbiased, summing to the nearest whole number to their sum.

    Systematic rounding: the fractions are laid end to end in a random order, and who covers a half-integer gets one
    more.

    Raises:
        InputError: as `repeated`.
    """
    asked = np.asarray(passes, dtype=np.float64)
    require_passes(asked, most, field)
    whole = np.floor(asked)
    order = rng.permutation(len(asked))
    ends = np.floor(np.cumsum((asked - whole)[order]) + 0.5 + 1e-9)
    counts = whole.astype(np.int64)
    counts[order] += np.diff(ends, prepend=0.0).astype(np.int64)
    return counts


def require_passes(passes: ArrayLike, most: float = MOST_EPOCHS, field: str = "passes") -> None:
    """Refuse passes that cannot be shown or are more than the cap.

    Raises:
        InputError: names `field`, and what to raise where more is wanted.
    """
    asked = np.asarray(passes, dtype=np.float64)
    if not np.all(np.isfinite(asked)) or np.any(asked < 0):
        raise InputError(Problem("passes must be numbers of 0 or more", field=field))
    if asked.size and asked.max() > most + 1e-9:
        raise InputError(Problem(passes_message(float(asked.max()), most), field=field, hint=PASSES_HINT))


PASSES_HINT = (
    "up to about four passes are worth almost as much as new text (arXiv 2305.16264): show it less often, or raise "
    "most_passes"
)


def passes_message(asked: float, most: float) -> str:
    return f"{asked:.3g} passes over the same text are more than the {most:g} that are allowed"
