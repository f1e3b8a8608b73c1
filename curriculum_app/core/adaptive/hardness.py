"""Dynamic instance hardness: a running mean of what an example costs the model whenever it is shown (pure).

Zhou, Wang & Bilmes, "Curriculum Learning by Dynamic Instance Hardness" (NeurIPS 2020), and their code
(tianyizhou/DIHCL, dihcl.py).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from curriculum_app.core.adaptive.contract import Array

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Told = Literal["loss", "loss_change", "flip"]
Rule = Literal["rand", "exp", "beta"]

LARGEST_CHANGE = 10.0
PRIOR = 2.0  # both parameters of every Beta at first
ARRAYS = ("r", "last", "shown", "harder", "easier", "sums")


class Hardness:
    """The hardness r of n examples, all 1 at first; it changes for those alone that were shown.

    r ← keep·r + (1 − keep)·a, where a is the loss, its change since the example was last shown (at most 10; the loss
    itself the first time), or 1 if the answer flipped between right and wrong since then (wrong before the first time).
    `keep` multiplies the old value.
    """

    def __init__(self, n: int, *, keep: float, told: Told) -> None:
        self.keep, self.told = keep, told
        self.r: Float = np.ones(n)
        self.last: Float = np.full(n, np.nan)
        self.shown: Int = np.zeros(n, dtype=np.int64)
        self.harder: Float = np.full(n, PRIOR)
        self.easier: Float = np.full(n, PRIOR)
        self.sums: Float = np.zeros(2)  # of all a so far, and how many

    def update(self, places: Int, values: Array) -> None:
        """Take in what was seen of the examples at `places`, all different: their losses, or of flips 0 and 1.

        Values that are no numbers count as shown and say nothing else.
        """
        self.shown[places] += 1
        known = np.isfinite(values)
        places, values = places[known], np.asarray(values, dtype=np.float64)[known]
        a = self._instant(places, values)
        self.sums += (a.sum(), len(a))
        outcome = a if self.told == "flip" else (a > self.sums[0] / max(self.sums[1], 1)).astype(np.float64)
        self.harder[places] += outcome
        self.easier[places] += 1 - outcome
        self.r[places] = self.keep * self.r[places] + (1 - self.keep) * a
        self.last[places] = values

    def _instant(self, places: Int, values: Float) -> Float:
        if self.told == "loss":
            return values
        before = self.last[places]
        if self.told == "flip":
            return np.abs(values - np.nan_to_num(before, nan=0.0))
        return np.where(np.isnan(before), values, np.minimum(np.abs(values - before), LARGEST_CHANGE))

    def seen(self) -> Float:
        """r, where an example that was never shown has the largest of all that were: it may be harder than any."""
        never = self.shown == 0
        if not never.any() or never.all():
            return self.r
        return np.where(never, self.r[~never].max(), self.r)

    def log_weights(self, rule: Rule, temperature: float, rng: np.random.Generator) -> Float:
        """Logarithms (up to a constant) of the chances of being drawn first.

        rand: p ∝ r. exp: p = softmax(temperature · r / mean r). beta: p = softmax(temperature · u) with
        u ~ Beta(harder, easier), by Thompson sampling; with losses, "harder" means above the mean of all a.
        """
        if rule == "beta":
            return np.asarray(temperature * rng.beta(self.harder, self.easier), dtype=np.float64)
        r = self.seen()
        if rule == "rand":
            return np.log(np.maximum(r, np.finfo(np.float64).tiny))
        return np.asarray(temperature * r / max(float(r.mean()), np.finfo(np.float64).tiny), dtype=np.float64)


def draw(log_weights: Float, count: int, rng: np.random.Generator) -> Int:
    """`count` different places, as if drawn one after another in proportion to their weights, without replacement.

    The Gumbel-top-k trick (Kool, van Hoof & Welling 2019, arXiv 1903.06059): O(n), no loop.
    """
    keys = log_weights + rng.gumbel(size=len(log_weights))
    if count >= len(keys):
        return np.arange(len(keys))
    return np.sort(np.argpartition(-keys, count - 1)[:count]).astype(np.int64)


def gini(counts: Array) -> float:
    """Of how unevenly showings are spread: 0 if all are equal, near 1 if one has them all."""
    ordered = np.sort(counts).astype(np.float64)
    n, total = len(ordered), float(ordered.sum())
    if not total:
        return 0.0
    return float(2 * (np.arange(1, n + 1) * ordered).sum() / (n * total) - (n + 1) / n)
