"""The greedy scheduler: equal to the formula, time and memory up to a million sequences, how close it keeps to a plan.

The made-up corpus has 1,024 tokens a sequence from one to five documents (three on average), 10,000 groups whose sizes
are lognormal (sigma 0.7, as those of a k-means clustering), ten length bins, and natural shares as target. Times are
processor seconds after compiling, memory is the largest resident size of the process.
"""

from __future__ import annotations

import math
import resource
import time

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from benchmarks.report import Figure, at_most, plain
from curriculum_app.core.mixture_curve import Float, MixtureCurve
from curriculum_app.core.packing import Int
from curriculum_app.core.scheduling import greedy
from curriculum_app.core.scheduling.adherence import Delivery, adherence_report, deviation
from curriculum_app.core.scheduling.greedy import Ordered, greedy_order
from curriculum_app.core.scheduling.target import (
    CurveTarget,
    Rows,
    StaticTarget,
    Target,
    bins_given_group,
    rows_of_counts,
)

NAME = "scheduler"
GROUPS, BINS, LENGTH = 10_000, 10, 1024
NEAR_TIE = 1e-9


def measure(quick: bool) -> dict[str, Figure]:
    """Differences from the formula, seconds, exponent, memory and deviations."""
    figures = {"choices_unlike_the_formula": at_most(sum(unlike(quick)), 0, "choices")}
    sizes = (5_000, 20_000) if quick else (10_000, 100_000, 200_000, 1_000_000)
    seconds = []
    for size in sizes:
        groups, bins = made_up(size)
        order, spent = timed(groups, bins)
        seconds.append(spent)
        figures |= at_size(size, spent, order, Delivery(groups, bins), natural(groups, bins))
    exponent = math.log(seconds[-1] / seconds[0]) / math.log(sizes[-1] / sizes[0])
    figures["time_exponent"] = at_most(exponent, 1.25, "power of the sequences")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    figures["peak_memory"] = at_most(peak, 4.0, "GB")
    return figures | bounded(5_000 if quick else 20_000)


def made_up(count: int, num_groups: int = GROUPS, seed: int = 0) -> tuple[Rows, Rows]:
    """Tokens of `count` sequences by group and by length bin."""
    rng = np.random.default_rng(seed)
    popularity = np.exp(0.7 * rng.standard_normal(num_groups))
    pieces = rng.integers(1, 6, count)
    rows, starts = np.repeat(np.arange(count), pieces), np.cumsum(pieces) - pieces
    of_group = np.searchsorted(np.cumsum(popularity / popularity.sum()), rng.random(len(rows))).clip(0, num_groups - 1)
    cuts = rng.random(len(rows)) + 0.05
    tokens = np.maximum(np.floor(cuts / np.add.reduceat(cuts, starts)[rows] * LENGTH), 1)
    tokens[starts] += LENGTH - np.add.reduceat(tokens, starts)
    places = (of_group, rng.integers(0, BINS, len(rows)))
    return counted(tokens, rows, places[0], (count, num_groups)), counted(tokens, rows, places[1], (count, BINS))


def counted(tokens: Float, rows: Int, columns: Int, shape: tuple[int, int]) -> Rows:
    return rows_of_counts(sparse.csr_array((tokens, (rows, columns)), shape=shape))


def natural(groups: Rows, bins: Rows) -> StaticTarget:
    shares, bin_shares = (np.asarray(counts.sum(axis=0)) / counts.sum() for counts in (groups, bins))
    return StaticTarget(shares, bin_shares)


def timed(groups: Rows, bins: Rows) -> tuple[Ordered, float]:
    """The order and its processor seconds, compiling left out."""
    few = made_up(64, 20)
    greedy_order(*few, natural(*few), mode="exact")
    started = time.process_time()
    order = greedy_order(groups, bins, natural(groups, bins))
    return order, time.process_time() - started


def at_size(size: int, spent: float, order: Ordered, delivery: Delivery, target: StaticTarget) -> dict[str, Figure]:
    """Time, deviations and the report's own time at one size."""
    shown = delivery.in_order(order.rows)
    names = tuple(str(index) for index in range(GROUPS))
    started = time.process_time()
    told = adherence_report(names, shown, target, shown.groups.sum(axis=0), method=order.method, exact=order.exact)
    reported = time.process_time() - started
    large = size == 1_000_000
    return {
        f"seconds_at_{size}": at_most(spent, 600, "s") if large else plain(spent, "s"),
        f"microseconds_a_step_at_{size}": plain(1e6 * spent / size, "us"),
        f"exact_at_{size}": plain(float(order.exact), "1 = yes"),
        f"report_seconds_at_{size}": at_most(reported, 5, "s"),
        f"max_deviation_at_{size}": at_most(told["max_deviation"], 2, "lengths", told["shuffle_max_deviation"]),
        f"token_l2_to_shuffle_at_{size}": ratio_of_l2(
            size, told["token_l2_deviation"], told["shuffle_token_l2_deviation"]
        ),
    }


def ratio_of_l2(size: int, ours: float, shuffle: float) -> Figure:
    """A shuffle's distance grows with the square root of the sequences, ours hardly: the goal is of long orders."""
    return at_most(ours / shuffle, 0.1, "ratio") if size >= 1_000_000 else plain(ours / shuffle, "ratio")


def bounded(size: int) -> dict[str, Figure]:
    """Deviation of the bounded mode, at its own limit and at the smallest, against the exact one."""
    groups, bins = made_up(size)
    target = natural(groups, bins)

    def off(mode: greedy.Mode, limit: int | None = None) -> float:
        order = greedy_order(groups, bins, target, mode=mode, limit=limit)
        return deviation(Delivery(groups, bins).in_order(order.rows), target).largest

    exact = off("exact")
    return {
        f"bounded_to_exact_at_{size}": at_most(off("bounded") / exact, 2, "ratio of deviations"),
        f"bounded_at_1_block_to_exact_at_{size}": at_most(off("bounded", 1) / exact, 2, "ratio of deviations"),
    }


# -- the formula -------------------------------------------------------------------------------------------------------


def unlike(quick: bool) -> list[int]:
    """Choices that differ from the formula, of fixed and moving targets over equal and unequal lengths."""
    count, num_groups = (300, 20) if quick else (2_000, 50)
    found = []
    for seed, equal in enumerate((True, False)):
        groups, bins = (counts.toarray() for counts in made_up(count, num_groups, seed))
        if not equal:
            scale = np.random.default_rng(seed).integers(1, 9, (count, 1))
            groups, bins = groups * scale, bins * scale
        names = tuple(str(index) for index in range(num_groups))
        logits = np.random.default_rng(seed).normal(0, 1, (3, num_groups))
        curve = MixtureCurve(names, np.array([0.2, 0.6, 1.0]) * groups.sum(), logits)
        targets: list[Target] = [natural(rows_of_counts(groups), rows_of_counts(bins))]
        targets.append(CurveTarget(curve, bins_given_group(groups, bins)))
        for target in targets:
            wanted = by_the_formula(groups, bins, target)
            modes: tuple[greedy.Mode | None, ...] = (None, "exact") if equal or target is targets[0] else (None,)
            found += [int((greedy_order(groups, bins, target, mode=mode).rows != wanted).sum()) for mode in modes]
    return found


def by_the_formula(groups: Float, bins: Float, target: Target) -> Int:
    """Every J of every step from its definition, lambda = 1, ties to the lowest index."""
    lengths, left = groups.sum(axis=1), np.ones(len(groups), dtype=bool)
    distinct, kind = np.unique(lengths, return_inverse=True)
    done, done_bins, order = np.zeros(groups.shape[1]), np.zeros(bins.shape[1]), []
    for _ in range(len(groups)):
        after = done.sum() + distinct
        off = groups + done - target.groups(after)[kind]
        off_bins = bins + done_bins - target.bins(after)[kind]
        cost: NDArray[np.float64] = ((off**2).sum(axis=1) + (off_bins**2).sum(axis=1)) / lengths.mean() ** 2
        cost[~left] = np.inf
        best = cost.min()
        order.append(int((cost <= best + NEAR_TIE * max(1.0, best)).argmax()))
        left[order[-1]] = False
        done, done_bins = done + groups[order[-1]], done_bins + bins[order[-1]]
    return np.array(order, dtype=np.int64)
