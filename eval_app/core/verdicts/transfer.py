"""Whether what a small model says of arms holds for a larger one: rank correlation over arms of two studies (pure).

Arms are the unit. Few arms tell little whatever the models: with fewer than four nothing can be told, and up to eight
the p value is exact (all permutations). Seeds make each arm's mean uncertain; they are resampled only where there are
at least 20 of them: a percentile bootstrap over fewer undercovers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from eval_app.core.statistics import BOOTSTRAP_AT_LEAST
from eval_app.core.verdicts.verdict import ArmSummary, Verdict

LEAST_ARMS = 4
EXACT_ARMS = 8  # 40,320 permutations
RESAMPLES = 2000

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Transfer:
    """Spearman's rank correlation of the arms' means in two studies, with a 95 % interval and p for no correlation.

    `interval` names how it was made: "fisher" (over arms, z with Bonett and Wright's standard error), "seeds"
    (percentile bootstrap over seeds), or "" where there is none.
    """

    arms: list[str]
    proxy: list[float]
    target: list[float]
    rho: float | None
    low: float | None
    high: float | None
    p: float | None
    interval: str
    sentence: str


def transfer(proxy: Verdict, target: Verdict) -> Transfer:
    """How far the order of the arms in `proxy` is that in `target`, over the arms that both have by name."""
    theirs = {arm.name: arm for arm in target.arms if arm.mean is not None}
    shared = [(arm, theirs[arm.name]) for arm in proxy.arms if arm.mean is not None and arm.name in theirs]
    names = [arm.name for arm, _ in shared]
    first, second = (np.array([pair[side].mean for pair in shared], dtype=np.float64) for side in (0, 1))
    sign = 1.0 if proxy.better == target.better else -1.0
    if len(shared) < LEAST_ARMS:
        few = f"Cannot tell: {len(shared)} arms in common say nothing of an order; it takes at least {LEAST_ARMS}."
        return Transfer(names, first.tolist(), second.tolist(), None, None, None, None, "", few)
    rho = sign * spearman(first, second)
    seeds = _seeds(shared, sign)
    low, high = seeds or fisher(rho, len(shared))
    p = permutation_p(first, second)
    how = "seeds" if seeds else "fisher"
    sentence = _sentence(len(shared), rho, low, high, p, how)
    return Transfer(names, first.tolist(), second.tolist(), rho, low, high, p, how, sentence)


def spearman(first: Float, second: Float) -> float:
    """Pearson's correlation of mid-ranks; 0 where either side does not vary."""
    x, y = stats.rankdata(first), stats.rankdata(second)
    return 0.0 if not (x.std() and y.std()) else float(np.corrcoef(x, y)[0, 1])


def fisher(rho: float, n: int, alpha: float = 0.05) -> tuple[float, float]:
    """Interval through z = atanh ρ with standard error √((1 + ρ²/2) / (n − 3)) (Bonett & Wright, Psychometrika 2000).

    Of few arms it is rough. n is at least 4; at ρ = ±1 the bound is that of ±(1 − 1/n²), for z would be infinite.
    """
    within = max(-(1 - 1 / n**2), min(1 - 1 / n**2, rho))
    half = -float(special.ndtri(alpha / 2)) * math.sqrt((1 + within**2 / 2) / (n - 3))
    return math.tanh(math.atanh(within) - half), max(rho, math.tanh(math.atanh(within) + half))


def permutation_p(first: Float, second: Float) -> float:
    """Two-sided p of ρ: over all permutations up to `EXACT_ARMS` arms, else by t with n − 2 degrees of freedom."""
    x, y = stats.rankdata(first), stats.rankdata(second)
    n, seen = len(x), abs(spearman(first, second))
    if n > EXACT_ARMS:
        t = seen * math.sqrt((n - 2) / max(1e-12, 1 - seen**2))
        return 2 * float(special.stdtr(n - 2, -t))
    if not (x.std() and y.std()):
        return 1.0
    shuffled = (x[np.array(list(permutations(range(n))))] - x.mean()) @ (y - y.mean())
    found = np.abs(shuffled) / (n * x.std() * y.std())
    return float((found >= seen - 1e-9).mean())


def _seeds(shared: list[tuple[ArmSummary, ArmSummary]], sign: float) -> tuple[float, float] | None:
    """Percentile interval over seeds drawn again, the same for all arms of a study; None with fewer than 20."""
    first, second = (_table([pair[side] for pair in shared]) for side in (0, 1))
    if first is None or second is None or min(first.shape[1], second.shape[1]) < BOOTSTRAP_AT_LEAST:
        return None
    rng = np.random.default_rng(0)

    def means(side: Float) -> Float:
        return np.asarray(side[:, rng.integers(0, side.shape[1], side.shape[1])].mean(axis=1))

    drawn = [sign * spearman(means(first), means(second)) for _ in range(RESAMPLES)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)


def _table(arms: list[ArmSummary]) -> Float | None:
    """Shape (arms, seeds) of the seeds that all arms have; None if an arm lacks any."""
    rows = [list(arm.by_seed.values()) for arm in arms]
    complete = len({len(row) for row in rows}) == 1 and all(value is not None for row in rows for value in row)
    return np.array(rows, dtype=np.float64) if complete else None


def _sentence(n: int, rho: float, low: float, high: float, p: float, how: str) -> str:
    found = f"rank correlation {rho:+.2f} over {n} arms (95 % interval {low:+.2f} to {high:+.2f}, p = {p:.2g})"
    rough = "" if how == "seeds" else "; the interval is over arms and rough for so few" if n < 10 else ""
    if p < 0.05 and rho > 0:
        return f"The order of the arms carries over: {found}{rough}."
    if p < 0.05:
        return f"The order of the arms is turned round: {found}{rough}."
    return f"Cannot tell whether the order of the arms carries over: {found}{rough}."
