"""How well an order keeps to its plan at every prefix, beside a plain shuffle of the same rows (pure).

Between two rows that hold tokens of a group its total stands still while what it is owed only grows, so the largest
distance over all prefixes is found at those rows alone: the work grows with the tokens counted, never with M x K.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from curriculum_app.core.mixture_curve import Float, MixtureCurve
from curriculum_app.core.packing import Int
from curriculum_app.core.scheduling.target import (
    Counts,
    CurveTarget,
    Owed,
    Rows,
    Target,
    bins_given_group,
    feasible_horizon,
    rows_of_counts,
)
from curriculum_app.core.sequences import SequenceTable

POINTS = 200  # of a chart
NAMED = 64  # groups that a report lists by name; of more, the largest and the worst
SHUFFLES, FEW_SHUFFLES, MANY_ROWS = 3, 1, 200_000


@dataclass(frozen=True)
class Deviation:
    """Distance from the plan over all prefixes, in mean row lengths."""

    worst: Float  # (K,) largest of each group
    late: float  # largest after the horizon
    at_points: Float  # (P, K) signed, delivered less owed
    bins: float  # largest over length bins

    @property
    def largest(self) -> float:
        return float(self.worst.max(initial=0.0))

    @property
    def mean(self) -> float:
        """Of the largest over groups, at the points of the chart."""
        return float(np.abs(self.at_points).max(axis=1).mean())

    @property
    def token_l2(self) -> float:
        """Root mean square over the points of the Euclidean distance over groups."""
        return float(np.sqrt((self.at_points**2).sum(axis=1).mean()))


@dataclass(frozen=True)
class Delivery:
    """Rows in delivery order: tokens by group (n, K) and by length bin (n, B)."""

    groups: Rows
    bins: Rows

    def in_order(self, order: Int) -> Delivery:
        return Delivery(self.groups[order], self.bins[order])

    @property
    def tokens(self) -> Float:
        """Shape (n,): tokens up to and including each row."""
        return np.cumsum(np.asarray(self.groups.sum(axis=1), dtype=np.float64))


def deviation(delivery: Delivery, target: Target, horizon: float = np.inf) -> Deviation:
    """Distance of a delivery from `target` over all its prefixes; `horizon` in tokens."""
    tokens = delivery.tokens
    unit, owed = tokens[-1] / len(tokens), Owed(target, tokens, delivery.groups.shape[1])
    at = chart_points(len(tokens))
    off = (totals_at(delivery.groups, at) - target.groups(tokens[at])) / unit
    worst, late = _worst(delivery.groups, tokens, owed, horizon)
    first_late = int(np.searchsorted(tokens, horizon, side="right"))
    if first_late < len(tokens):
        edge = totals_at(delivery.groups, np.array([first_late])) - target.groups(tokens[[first_late]])
        late = max(late, float(np.abs(edge).max()))
    bins = np.cumsum(delivery.bins.toarray(), axis=0) - owed.bins(tokens)
    return Deviation(worst / unit, late / unit, off, float(np.abs(bins).max() / unit))


def _worst(groups: Rows, tokens: Float, owed: Owed, horizon: float) -> tuple[Float, float]:
    """Largest distance of each group (K,), and over all groups after the horizon, in tokens."""
    held = sparse.csc_array(groups)
    size = np.diff(held.indptr)
    columns = np.repeat(np.arange(len(size)), size)
    starts = held.indptr[:-1]
    sums = np.append(0.0, np.cumsum(held.data))
    total = sums[1:] - np.repeat(sums[starts], size)
    now, before = tokens[held.indices], np.append(0.0, tokens)[held.indices]
    after = np.abs(total - owed.groups(now, columns))
    until = np.abs(total - held.data - owed.groups(before, columns))
    everyone = np.arange(len(size))
    last = np.abs(sums[held.indptr[1:]] - sums[starts] - owed.groups(np.full(len(size), tokens[-1]), everyone))
    worst = last.copy()
    np.maximum.at(worst, columns, np.maximum(after, until))
    late = max(_largest(after[now > horizon]), _largest(until[before > horizon]))
    return worst, max(late, _largest(last)) if tokens[-1] > horizon else 0.0


def _largest(values: Float) -> float:
    return float(values.max(initial=0.0))


def chart_points(rows: int) -> Int:
    """No more than `POINTS` row numbers, both ends among them."""
    return np.unique(np.linspace(0, rows - 1, min(POINTS, rows)).round().astype(np.int64))


def totals_at(groups: Rows, at: Int) -> Float:
    """Shape (len(at), K): tokens by group up to and including rows `at`, ascending."""
    part = np.searchsorted(at, np.arange(groups.shape[0]))
    kept = part < len(at)
    ones = (np.ones(int(kept.sum())), (part[kept], np.flatnonzero(kept)))
    summed = sparse.csr_array(ones, shape=(len(at), groups.shape[0])) @ groups
    return np.asarray(np.cumsum(summed.toarray(), axis=0), dtype=np.float64)


def adherence_report(
    names: tuple[str, ...],
    delivery: Delivery,
    target: Target,
    available: Counts,
    *,
    method: str,
    exact: bool,
) -> dict[str, Any]:
    """The report stored with a schedule (JSON).

    Args:
        names: K group names. delivery: what is shown, in order. available: (K,) tokens of all that could be shown once.

    Returns:
        Deviations in mean row lengths (`max_deviation` over all prefixes and groups, ...), the same of plain shuffles
        of the same rows, `feasible_horizon` (tokens), `drift_after_horizon`, `unused_tokens` by group, `sparse_first`
        and `points`: cumulative tokens planned and delivered by group at no more than 200 prefixes.
    """
    horizon = feasible_horizon(target, available)
    got = deviation(delivery, target, horizon)
    others = [deviation(delivery.in_order(order), target) for order in _shuffles(delivery.groups.shape[0])]
    unused = np.maximum(available - delivery.groups.sum(axis=0), 0.0)
    return {
        "method": method,
        "exact": exact,
        "unit": "mean sequence lengths",
        "max_deviation": got.largest,
        "mean_deviation": got.mean,
        "token_l2_deviation": got.token_l2,
        "max_length_deviation": got.bins,
        "shuffle_max_deviation": float(np.mean([other.largest for other in others])),
        "shuffle_mean_deviation": float(np.mean([other.mean for other in others])),
        "shuffle_token_l2_deviation": float(np.mean([other.token_l2 for other in others])),
        "feasible_horizon": horizon,
        "drift_after_horizon": got.late,
        "unused_tokens": _unused(names, unused),
        "unused_total": round(float(unused.sum())),
        "sparse_first": _sparse_first(delivery.groups),
        "points": _points(names, delivery, target, got.worst),
    }


def adherence_of(
    table: SequenceTable,
    rows: NDArray[np.void],
    grouping: str,
    curve: MixtureCurve,
    *,
    method: str,
    exact: bool,
    candidates: Int | None = None,
) -> dict[str, Any]:
    """The report of any rows, also parts and repeats, against `curve` over `grouping`.

    A part of a sequence counts as that share of each of its groups, and a row's tokens count by its weight.

    Args:
        rows: dtype `schedule.ROW` in delivery order. candidates: sequences that could have been shown, once each, for
            the horizon and for what is left over; None: what is shown is all there was.
    """
    groups, bins = table.grouping(grouping).counts, sparse.csr_array(table.bins)
    ids = np.unique(rows["sequence"]) if candidates is None else candidates
    target, shown = CurveTarget(curve, bins_given_group(groups[ids], bins[ids])), delivery_of(table, rows, grouping)
    available = (shown.groups if candidates is None else groups[ids]).sum(axis=0)
    return adherence_report(curve.names, shown, target, available, method=method, exact=exact)


def delivery_of(table: SequenceTable, rows: NDArray[np.void], grouping: str) -> Delivery:
    """What rows show, in their order: a part counts as that share of its sequence, times the row's weight."""
    shares = sparse.diags_array(rows["weight"] * (rows["length"] / table.lengths[rows["sequence"]]))
    shown = table.grouping(grouping).counts[rows["sequence"]]
    bins = sparse.csr_array(table.bins[rows["sequence"]])
    return Delivery(rows_of_counts(shares @ shown), rows_of_counts(shares @ bins))


def _shuffles(rows: int) -> list[Int]:
    """Plain shuffles of the same rows, always the same ones."""
    count = SHUFFLES if rows <= MANY_ROWS else FEW_SHUFFLES
    return [np.random.default_rng(seed).permutation(rows) for seed in range(count)]


def _unused(names: tuple[str, ...], unused: Float) -> dict[str, int]:
    """Tokens left over by group: of every group, or of the `NAMED` that leave most."""
    chosen = np.arange(len(names)) if len(names) <= NAMED else np.sort(np.argsort(-unused, kind="stable")[:NAMED])
    return {names[index]: round(float(unused[index])) for index in chosen}


def _sparse_first(groups: Rows) -> float:
    """Correlation between a row's place and |c| / length: above 0 where rows of many groups tend to come first."""
    lengths = np.asarray(groups.sum(axis=1), dtype=np.float64)
    norms = np.sqrt(np.asarray(groups.power(2).sum(axis=1), dtype=np.float64)) / np.maximum(lengths, 1e-12)
    if len(norms) < 2 or np.ptp(norms) < 1e-9:
        return 0.0
    return float(np.corrcoef(np.arange(len(norms)), norms)[0, 1])


def _points(names: tuple[str, ...], delivery: Delivery, target: Target, worst: Float) -> dict[str, Any]:
    tokens, at = delivery.tokens, chart_points(delivery.groups.shape[0])
    planned, delivered = target.groups(tokens[at]), totals_at(delivery.groups, at)
    points: dict[str, Any] = {"tokens": tokens[at].astype(np.int64).tolist()}
    if len(names) > NAMED:
        shown = _largest_and_worst(planned[-1], worst)
        planned, delivered = _fold(planned, shown), _fold(delivered, shown)
        rest = len(names) - len(shown)
        points |= {
            "shown": shown.tolist(),
            "note": f"the largest groups and those furthest off; the other {rest} as one",
        }
    whole = np.array_equal(delivered, delivered.round())
    return points | {
        "planned": planned.round(3).tolist(),
        "delivered": (delivered.astype(np.int64) if whole else delivered.round(3)).tolist(),
    }


def _largest_and_worst(totals: Float, worst: Float) -> Int:
    largest = np.argsort(-totals, kind="stable")[: NAMED // 2]
    return np.union1d(largest, np.argsort(-worst, kind="stable")[: NAMED // 8]).astype(np.int64)


def _fold(values: Float, shown: Int) -> Float:
    """The columns `shown`, and the sum of all others behind them."""
    kept = values[:, shown]
    return np.column_stack([kept, values.sum(axis=1) - kept.sum(axis=1)])
