"""The greedy mixture-adherent scheduler (pure).

Source: TerRIFIC Curricula (docs/curricula.md). With T tokens per group, U per length bin and S in all delivered so
far, the next sequence is the one that minimises

    J(s) = sum_j [T_j + c_sj - E_j(S + l_s)]^2 + lambda * sum_b [U_b + l_sb - U*_b(S + l_s)]^2

over all that remain. For sequences of one length J(s) = |y_s|^2 - 2 y_s.g + |g|^2 with y_s = [c_s, sqrt(lambda) l_s]
and one goal g = owed(S + l) - delivered, so a step is one matrix-vector product over what remains (algorithm A);
sequences of other lengths get a goal of their own. That is done while the matrix is small; `blocks.py` makes the same
choices over millions of sequences.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from curriculum_app.core.mixture_curve import Float
from curriculum_app.core.packing import Int
from curriculum_app.core.scheduling.blocks import LEAF, UNBOUNDED, Owing, Problem, search_blocks
from curriculum_app.core.scheduling.candidates import joined
from curriculum_app.core.scheduling.target import Counts, Rows, Target, rows_of_counts

Mode = Literal["exact", "bounded"]
PRODUCTS = "greedy, one matrix-vector product a step over all that remains"
BLOCKS = "greedy, bounds over blocks of alike sequences"
SMALL = 500_000  # entries of sequences x (groups + bins) up to which a step is a dense product
ALWAYS_EXACT = 200_000  # sequences up to which every step searches all that it must
LIMIT = 8  # blocks that a step of mode "bounded" searches at most, those with the largest bounds
BOUNDED_LEAF = 256  # candidates of a block there: fewer blocks, each with a looser bound
TIE = 1e-9  # candidates within TIE * max(1, J) of the best are equal; the lowest index goes first


@dataclass(frozen=True)
class Ordered:
    """Candidates in the order they were chosen, by what method, and whether every choice was the best there was."""

    rows: Int
    method: str
    mode: Mode = "exact"
    exact: bool = True


def greedy_order(
    groups: Counts | Rows,
    bins: Counts | Rows,
    target: Target,
    *,
    length_term: float = 1.0,
    sigma: float = 0.0,
    rng: np.random.Generator | None = None,
    budget: float | None = None,
    mode: Mode | None = None,
    limit: int | None = None,
) -> Ordered:
    """Order sequences so that every prefix keeps to the target.

    Args:
        groups: (M, K) tokens of each group in each sequence. bins: (M, B) tokens of each document-length bin. Both are
            dense or, where K is large, CSR.
        length_term: lambda, weight of the length histogram.
        sigma: standard deviation of the noise added to every candidate at every step, in squared sequence lengths;
            needs `rng`.
        budget: stop once this many tokens are ordered; None orders everything.
        mode: "exact" searches all that it must at every step; "bounded" no more than `LIMIT` blocks, and what it leaves
            out makes the result inexact. None: bounded above `ALWAYS_EXACT` sequences.
        limit: in place of `LIMIT`.

    Returns:
        Indices of the chosen sequences in order, all different.
    """
    if sigma and rng is None:
        raise ValueError("sigma needs a random generator")
    if not groups.shape[0]:
        return Ordered(np.zeros(0, dtype=np.int64), PRODUCTS)
    held, spread = rows_of_counts(groups), rows_of_counts(bins)
    lengths = np.asarray(held.sum(axis=1), dtype=np.float64)
    unit, weight = float(lengths.mean()), float(np.sqrt(length_term))
    owed = Owing(target, weight, unit)
    problem = Problem(joined(held, spread, weight, unit), lengths / unit, held.shape[1], owed)
    until = np.inf if budget is None else budget / unit
    if np.prod(problem.values.shape) <= SMALL and mode is None:
        return Ordered(_by_products(problem, sigma, rng, until), PRODUCTS)
    chosen: Mode = mode or ("exact" if len(lengths) <= ALWAYS_EXACT else "bounded")
    most, leaf = (UNBOUNDED, LEAF) if chosen == "exact" else (limit or LIMIT, BOUNDED_LEAF)
    noise, seed = sigma if sigma > TIE else 0.0, 0 if rng is None else int(rng.integers(1 << 62))
    found = search_blocks(problem, budget=until, sigma=noise, seed=seed, limit=most, leaf=leaf)
    return Ordered(found.order, BLOCKS, chosen, found.cut == 0)


def _by_products(problem: Problem, sigma: float, rng: np.random.Generator | None, budget: float) -> Int:
    search, order = _Search(problem), list[int]()
    while search.remaining and search.tokens < budget - TIE:
        scores = search.scores()
        if sigma and rng is not None:
            scores[search.alive] += sigma * rng.standard_normal(search.remaining)
        order.append(search.take(first_best(scores)))
    return np.array(order, dtype=np.int64)


def first_best(scores: Float) -> int:
    """The lowest index among the smallest scores, equal within `TIE`."""
    best = scores.min()
    return int((scores <= best + TIE * max(1.0, abs(best))).argmax())


class _Search:
    """What remains, what was delivered, and J of every candidate. Counts are in mean sequence lengths."""

    def __init__(self, problem: Problem) -> None:
        self._owed = problem.owed.at
        self._distinct, self._kind = np.unique(problem.lengths, return_inverse=True)
        self._values = problem.values.toarray()
        self._norms = np.einsum("sd,sd->s", self._values, self._values)
        self._ids = np.arange(len(self._kind))
        self.alive: NDArray[np.bool_] = np.ones(len(self._kind), dtype=bool)
        self.remaining, self.tokens = len(self._kind), 0.0
        self._delivered = np.zeros(self._values.shape[1])
        self._planned = self._plan_of_equal_lengths() if len(self._distinct) == 1 else None

    def _plan_of_equal_lengths(self) -> Float:
        return self._owed(self._distinct[0] * np.arange(1.0, self.remaining + 1))

    def _goals(self) -> Float:
        """Shape (G, D): what is owed once a sequence of each distinct length is added, less what was delivered."""
        if self._planned is None:
            return self._owed(self.tokens + self._distinct) - self._delivered
        done = len(self._planned) - self.remaining
        return self._planned[done : done + 1] - self._delivered

    def scores(self) -> Float:
        """J of every candidate row still held; infinite for those already taken."""
        goals = self._goals()
        squares = (goals**2).sum(axis=1)
        if len(goals) == 1:
            scores = self._norms - 2 * (self._values @ goals[0]) + squares[0]
        else:
            scores = self._norms - 2 * np.einsum("sd,sd->s", self._values, goals[self._kind]) + squares[self._kind]
        scores[~self.alive] = np.inf
        return np.asarray(scores, dtype=np.float64)

    def take(self, row: int) -> int:
        """Deliver a candidate; rows are dropped once half of them are gone."""
        chosen = int(self._ids[row])
        self._delivered = self._delivered + self._values[row]
        self.tokens += float(self._distinct[self._kind[row]])
        self.alive[row] = False
        self.remaining -= 1
        if 2 * self.remaining < len(self.alive):
            self._compact()
        return chosen

    def _compact(self) -> None:
        keep = self.alive
        self._values, self._norms = self._values[keep], self._norms[keep]
        self._ids, self._kind, self.alive = self._ids[keep], self._kind[keep], keep[keep]
