"""Comparing runs: paired and unpaired tests, intervals, power, multiplicity (pure; docs/studies.md).

All tests are two-sided. Values of one seed are one observation: runs that share a seed are paired.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

POWER = 0.8
LIMIT = 1000  # pairs nobody runs
BOOTSTRAP_AT_LEAST = 20


@dataclass(frozen=True)
class MeanTest:
    """A mean difference with its confidence interval [low, high] and two-sided p.

    `effect` is the standardised difference: d_z = mean / sd for pairs; None where the sd is 0.
    """

    n: int
    mean: float
    sd: float
    low: float
    high: float
    p: float
    effect: float | None

    @property
    def hedges(self) -> float | None:
        """The effect without the bias of small samples, g_z (Hedges 1981, with the exact gamma factor)."""
        return None if self.effect is None else self.effect * hedges_factor(self.n - 1)


def hedges_factor(freedom: int) -> float:
    """J = Γ(f/2) / (√(f/2) Γ((f−1)/2)) for f degrees of freedom (Hedges 1981, eq. 6e); 0 for f = 1."""
    if freedom < 2:
        return 0.0
    logs = math.lgamma(freedom / 2) - math.lgamma((freedom - 1) / 2)
    return math.exp(logs) / math.sqrt(freedom / 2)


@lru_cache(maxsize=4096)
def t_quantile(freedom: int, alpha: float) -> float:
    """The value that |t| with so many degrees of freedom exceeds with probability alpha."""
    return -float(special.stdtrit(freedom, alpha / 2))


def paired_t(differences: Sequence[float], alpha: float = 0.05) -> MeanTest:
    """Student's t test on paired differences. Negating all differences negates the result exactly.

    Differences that are all equal have sd 0: p is 1 if they are 0, else 0.

    Raises:
        ValueError: fewer than two differences.
    """
    n = len(differences)
    if n < 2:
        raise ValueError("a paired t test needs at least two pairs")
    mean = math.fsum(differences) / n
    if len(set(differences)) == 1:
        value = differences[0]
        return MeanTest(n, value, 0.0, value, value, 1.0 if value == 0 else 0.0, None)
    sd = math.sqrt(math.fsum((value - mean) ** 2 for value in differences) / (n - 1))
    error = sd / math.sqrt(n)
    half = t_quantile(n - 1, alpha) * error
    p = 2 * float(special.stdtr(n - 1, -abs(mean) / error))
    return MeanTest(n, mean, sd, mean - half, mean + half, p, mean / sd)


def welch_t(first: Sequence[float], second: Sequence[float], alpha: float = 0.05) -> MeanTest:
    """Welch's t test of mean(first) - mean(second) for unpaired runs; `n` is the smaller sample.

    Raises:
        ValueError: a sample has fewer than two values, or neither varies.
    """
    sizes = np.array([len(first), len(second)])
    if sizes.min() < 2:
        raise ValueError("Welch's test needs at least two values on each side")
    variances = np.array([np.var(first, ddof=1), np.var(second, ddof=1)])
    if not variances.any():
        raise ValueError("Welch's test needs values that vary")
    parts = variances / sizes
    error = math.sqrt(parts.sum())
    freedom = float(parts.sum() ** 2 / (parts**2 / (sizes - 1)).sum())
    mean = math.fsum(first) / len(first) - math.fsum(second) / len(second)
    half = float(stats.t.isf(alpha / 2, freedom)) * error
    sd = math.sqrt(variances.mean())
    p = 2 * float(stats.t.sf(abs(mean) / error, freedom))
    return MeanTest(int(sizes.min()), mean, sd, mean - half, mean + half, p, mean / sd)


@dataclass(frozen=True)
class Ratio:
    """mean(first) / mean(second) of paired values; no interval where the second mean is not clearly other than 0."""

    value: float
    low: float | None
    high: float | None


def ratio_of_means(first: Sequence[float], second: Sequence[float], alpha: float = 0.05) -> Ratio:
    """Fieller's interval of a ratio of two means of paired values (Fieller, JRSS B 1954).

    Raises:
        ValueError: fewer than two pairs, or the second mean is 0.
    """
    x, y = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if len(x) < 2 or not y.mean():
        raise ValueError("a ratio of means needs two pairs and a second mean other than 0")
    reach = t_quantile(len(x) - 1, alpha) ** 2 / len(x)
    (xx, xy), (_, yy) = reach * np.cov(x, y)
    a, b, c = y.mean() ** 2 - yy, x.mean() * y.mean() - xy, x.mean() ** 2 - xx
    ratio, root = float(x.mean() / y.mean()), b * b - a * c
    if a <= 0 or root < 0:
        return Ratio(ratio, None, None)
    return Ratio(ratio, float((b - math.sqrt(root)) / a), float((b + math.sqrt(root)) / a))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment, in the order given; controls the family-wise error."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted = [0.0] * len(p_values)
    running = 0.0
    for rank, index in enumerate(order):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = running
    return adjusted


def paired_power(n: int, effect: float, alpha: float = 0.05) -> float:
    """Power of the two-sided paired t test with n pairs at true d_z = effect (noncentral t)."""
    freedom, shift = n - 1, abs(effect) * math.sqrt(n)
    critical = t_quantile(freedom, alpha)
    right_side = 1.0 - float(special.nctdtr(freedom, shift, critical))
    wrong_side = float(special.nctdtr(freedom, shift, -critical))
    return right_side + (0.0 if math.isnan(wrong_side) else wrong_side)  # scipy gives NaN where it is below 1e-15


@lru_cache(maxsize=1024)
def detectable_effect(n: int, alpha: float = 0.05, power: float = POWER) -> float:
    """Smallest true |d_z| that n pairs detect with the given power; times the sd: the difference itself.

    Raises:
        ValueError: fewer than two pairs.
    """
    if n < 2:
        raise ValueError("power needs at least two pairs")
    low, high = 0.0, 1.0
    while paired_power(n, high, alpha) < power:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if paired_power(n, middle, alpha) >= power else (middle, high)
    return high


@lru_cache(maxsize=1024)
def pairs_needed(effect: float, alpha: float = 0.05, power: float = POWER, limit: int = LIMIT) -> int | None:
    """Smallest n >= 2 whose power at true d_z = effect reaches `power`; None if more than `limit`."""
    if effect == 0 or paired_power(limit, effect, alpha) < power:
        return None
    low, high = 1, limit  # power grows with n: low does not suffice, high does
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if paired_power(middle, effect, alpha) >= power else (middle, high)
    return high


def detectable_share(n: int, share: float, alpha: float = 0.05, power: float = POWER) -> float:
    """Smallest difference of two shares near `share` that unpaired samples of n items show (normal approximation)."""
    reach = float(stats.norm.isf(alpha / 2) + stats.norm.isf(1 - power))
    return reach * math.sqrt(2 * share * (1 - share) / n)


@dataclass(frozen=True)
class McNemar:
    """p values of McNemar's test: exact binomial, mid-p, and chi-squared with continuity correction."""

    exact: float
    mid: float
    chi_squared: float


def mcnemar(only_first: int, only_second: int) -> McNemar:
    """Test on discordant pairs: items only the first got right, and only the second. Without any, every p is 1."""
    n, least = only_first + only_second, min(only_first, only_second)
    if n == 0:
        return McNemar(1.0, 1.0, 1.0)
    tail = float(stats.binom.cdf(least, n, 0.5))
    point = float(stats.binom.pmf(least, n, 0.5))
    statistic = max(abs(only_first - only_second) - 1, 0) ** 2 / n
    mid = 1.0 if only_first == only_second else min(1.0, 2 * tail - point)
    return McNemar(min(1.0, 2 * tail), mid, float(stats.chi2.sf(statistic, 1)))


@dataclass(frozen=True)
class Bootstrap:
    """Mean paired difference with a percentile interval and p = twice the smaller share of resamples beyond 0."""

    mean: float
    low: float
    high: float
    p: float


def paired_bootstrap(
    first: ArrayLike, second: ArrayLike, *, alpha: float = 0.05, resamples: int = 10_000, seed: int = 0
) -> Bootstrap:
    """Bootstrap of mean(first - second) over items.

    Raises:
        ValueError: fewer than 20 items; a resample of a handful of values says nothing about their spread.
    """
    difference = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    if len(difference) < BOOTSTRAP_AT_LEAST:
        raise ValueError(f"the bootstrap needs at least {BOOTSTRAP_AT_LEAST} items, got {len(difference)}")
    rng = np.random.default_rng(seed)
    means = np.array([difference[rng.integers(0, len(difference), len(difference))].mean() for _ in range(resamples)])
    low, high = np.quantile(means, [alpha / 2, 1 - alpha / 2])
    p = min(1.0, 2 * min(float((means <= 0).mean()), float((means >= 0).mean())))
    return Bootstrap(float(difference.mean()), float(low), float(high), p)
