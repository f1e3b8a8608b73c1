"""Which texts to label next: those the classifier is least sure of, some at random, some it is sure of (pure).

Uncertainty sampling (Lewis & Gale 1994) finds the border fastest; the random ones keep the labels representative and
the high scores check precision where the subset will be cut.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

UNSURE, AT_RANDOM, SURE = 10, 5, 5
BATCH = UNSURE + AT_RANDOM + SURE


def entropy(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """−p ln p − (1 − p) ln(1 − p), in nats; 0 at 0 and 1."""
    p = np.asarray(p, dtype=np.float64)
    inside = np.clip(p, 1e-300, 1.0)
    outside = np.clip(1 - p, 1e-300, 1.0)
    result: NDArray[np.float64] = -p * np.log(inside) - (1 - p) * np.log(outside)
    return result


def propose(scores: NDArray[np.float64] | None, free: NDArray[np.bool_], seed: int) -> list[tuple[int, str]]:
    """`(document number, why)` of up to `BATCH` documents among the `free` ones, each once.

    Without `scores` all are drawn at random.
    """
    rng = np.random.default_rng(seed)
    numbers = np.flatnonzero(free)
    if scores is None:
        return [(int(number), "random") for number in rng.permutation(numbers)[:BATCH]]
    doubt = entropy(scores[numbers])
    plans = (
        ("unsure", UNSURE, numbers[np.argsort(-doubt, kind="stable")]),
        ("random", AT_RANDOM, rng.permutation(numbers)),
        ("high score", SURE, numbers[np.argsort(-scores[numbers], kind="stable")]),
    )
    chosen: dict[int, str] = {}
    for why, count, order in plans:
        fresh = (int(number) for number in order if int(number) not in chosen)
        for number, _ in zip(fresh, range(count), strict=False):
            chosen[number] = why
    return list(chosen.items())
