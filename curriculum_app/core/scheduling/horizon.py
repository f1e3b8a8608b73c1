"""What follows once a plan owes more of a group than there is: stop, repeat, or share among what is left (pure).

One pass over finite data keeps a mixture other than its own only up to the feasible horizon. Left alone, the greedy
search goes on and drifts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from curriculum_app.core.mixture_curve import Float
from curriculum_app.core.packing import Int
from curriculum_app.core.scheduling.greedy import Mode, Ordered, greedy_order
from curriculum_app.core.scheduling.target import Counts, Rows, Target, feasible_horizon, rows_of_counts

Horizon = Literal["drift", "stop", "repeat", "renormalise"]
MAX_EPOCHS = 4
NODES, ENTRIES = 4096, 20_000_000


@dataclass(frozen=True)
class ShiftedTarget:
    """What is still owed from `tokens` on, after `groups` and `bins` were delivered."""

    target: Target
    tokens: float
    groups_done: Float
    bins_done: Float

    @property
    def constant(self) -> bool:
        return self.target.constant

    def groups(self, tokens: Float) -> Float:
        return self.target.groups(tokens + self.tokens) - self.groups_done

    def bins(self, tokens: Float) -> Float:
        return self.target.bins(tokens + self.tokens) - self.bins_done


@dataclass(frozen=True)
class CappedTarget:
    """A plan that never owes more than there is, linear between nodes."""

    nodes: Float
    owed: Float  # (n, K)
    bins_given_group: Float
    constant: bool = False

    def groups(self, tokens: Float) -> Float:
        cell = np.clip(np.searchsorted(self.nodes, tokens, side="right") - 1, 0, len(self.nodes) - 2)
        share = (tokens - self.nodes[cell]) / (self.nodes[cell + 1] - self.nodes[cell])
        return np.asarray(self.owed[cell] + share[:, None] * (self.owed[cell + 1] - self.owed[cell]), dtype=np.float64)

    def bins(self, tokens: Float) -> Float:
        return np.asarray(self.groups(tokens) @ self.bins_given_group, dtype=np.float64)


def renormalised(target: Target, available: Counts, bins_given_group: Float, budget: float) -> CappedTarget:
    """`target` up to the point where a group runs out; from there the others have its tokens in their proportions."""
    nodes = np.linspace(0.0, budget, max(65, min(NODES, ENTRIES // len(available))))
    wanted = np.maximum(np.diff(target.groups(nodes), axis=0), 0.0)
    owed = np.zeros((len(nodes), len(available)))
    for row, shares in enumerate(wanted):
        owed[row + 1] = _fill(
            owed[row], shares, np.asarray(available, dtype=np.float64), float(nodes[row + 1] - nodes[row])
        )
    return CappedTarget(nodes, owed, bins_given_group)


def _fill(owed: Float, shares: Float, available: Float, tokens: float) -> Float:
    """`owed` and `tokens` more in proportion to `shares`, no group above what is available."""
    owed = owed.copy()
    while tokens > 1e-9:
        live = np.where(owed < available - 1e-9, shares, 0.0)
        if live.sum() <= 0:
            return owed
        more = np.minimum(live * tokens / live.sum(), available - owed)
        owed, tokens = owed + more, tokens - float(more.sum())
    return owed


def order_with_repeats(
    groups: Rows,
    bins: Rows,
    target: Target,
    *,
    length_term: float,
    sigma: float,
    rng: np.random.Generator,
    budget: float,
    mode: Mode | None = None,
    max_epochs: int = MAX_EPOCHS,
) -> Ordered:
    """The greedy order where every sequence may be shown once more each time the plan outgrows what is left.

    Args:
        max_epochs: most showings of a sequence; the last pass goes on to the budget.
    """
    if not 1 <= max_epochs <= MAX_EPOCHS:
        raise ValueError(f"max_epochs must lie between 1 and {MAX_EPOCHS}")
    held, spread = rows_of_counts(groups), rows_of_counts(bins)
    available, shown = np.asarray(held.sum(axis=0), dtype=np.float64), np.zeros(held.shape[0], dtype=np.int64)
    order: Int = np.zeros(0, dtype=np.int64)
    result, tokens = Ordered(order, ""), 0.0
    for epoch in range(1, max_epochs + 1):
        until = budget if epoch == max_epochs else min(budget, feasible_horizon(target, epoch * available))
        left = np.concatenate([np.flatnonzero(shown <= times) for times in range(epoch)])  # the least shown first
        if until <= tokens or not len(left):
            continue
        done = np.asarray(held.T @ shown, dtype=np.float64), np.asarray(spread.T @ shown, dtype=np.float64)
        rest = ShiftedTarget(target, tokens, *done)
        leg = greedy_order(
            held[left],
            spread[left],
            rest,
            length_term=length_term,
            sigma=sigma,
            rng=rng,
            budget=until - tokens,
            mode=mode,
        )
        result = replace(leg, exact=leg.exact and result.exact)
        order = np.append(order, left[leg.rows])
        shown = np.bincount(order, minlength=len(shown))
        tokens = float(held.sum(axis=1) @ shown)
    return replace(result, rows=order)
