"""The greedy mixture-adherent scheduler, exact (pure).

Source: TerRIFIC Curricula (docs/curricula.md). With T tokens per group, U per length bin and S in all delivered so
far, the next sequence is the one that minimises

    J(s) = sum_j [T_j + c_sj - E_j(S + l_s)]^2 + lambda * sum_b [U_b + l_sb - U*_b(S + l_s)]^2

over all that remain. For sequences of one length J(s) = |y_s|^2 - 2 y_s.g + |g|^2 with y_s = [c_s, sqrt(lambda) l_s]
and one goal g = owed(S + l) - delivered, so a step is one matrix-vector product over what remains (algorithm A);
sequences of other lengths get a goal of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from curriculum_app.core.mixture_curve import Float
from curriculum_app.core.packing import Int
from curriculum_app.core.scheduling.target import Counts, Rows, Target, rows_of_counts

Mode = Literal["exact", "bounded"]
METHOD = "greedy, one matrix-vector product a step over all that remains"
DENSE = 20_000_000  # entries of candidates x dimensions up to which they are held dense
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
) -> Ordered:
    """Order sequences so that every prefix keeps to the target.

    Args:
        groups: (M, K) tokens of each group in each sequence. bins: (M, B) tokens of each document-length bin. Both are
            dense or, where K is large, CSR.
        length_term: lambda, weight of the length histogram.
        sigma: standard deviation of the noise added to every candidate at every step, in squared sequence lengths;
            needs `rng`.
        budget: stop once this many tokens are ordered; None orders everything.

    Returns:
        Indices of the chosen sequences in order, all different.
    """
    if not groups.shape[0]:
        return Ordered(np.zeros(0, dtype=np.int64), METHOD)
    if sigma and rng is None:
        raise ValueError("sigma needs a random generator")
    search = _Search(rows_of_counts(groups), rows_of_counts(bins), target, length_term)
    order: list[int] = []
    while search.remaining and (budget is None or search.tokens < budget):
        scores = search.scores()
        if sigma and rng is not None:
            scores[search.alive] += sigma * rng.standard_normal(search.remaining)
        order.append(search.take(first_best(scores)))
    return Ordered(np.array(order, dtype=np.int64), METHOD)


def first_best(scores: Float) -> int:
    """The lowest index among the smallest scores, equal within `TIE`."""
    best = scores.min()
    return int((scores <= best + TIE * max(1.0, abs(best))).argmax())


class _Search:
    """What remains, what was delivered, and J of every candidate. Counts are in mean sequence lengths."""

    def __init__(self, groups: Rows, bins: Rows, target: Target, length_term: float) -> None:
        lengths = np.asarray(groups.sum(axis=1), dtype=np.float64)
        self._target, self._weight, self._unit = target, np.sqrt(length_term), lengths.mean()
        self._distinct, self._kind = np.unique(lengths, return_inverse=True)
        joined = sparse.csr_array(sparse.hstack([groups, self._weight * bins]) / self._unit)
        self._values = joined.toarray() if np.prod(joined.shape) <= DENSE else joined
        self._norms = np.asarray(joined.power(2).sum(axis=1), dtype=np.float64)
        self._ids = np.arange(len(lengths))
        self.alive: NDArray[np.bool_] = np.ones(len(lengths), dtype=bool)
        self.remaining, self.tokens = len(lengths), 0.0
        self._delivered = np.zeros(self._values.shape[1])
        self._planned = self._plan_of_equal_lengths() if len(self._distinct) == 1 else None

    def _owed(self, tokens: Float) -> Float:
        owed = np.hstack([self._target.groups(tokens), self._weight * self._target.bins(tokens)])
        return np.asarray(owed / self._unit, dtype=np.float64)

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
            scores = self._norms - 2 * self._products(goals) + squares[self._kind]
        scores[~self.alive] = np.inf
        return np.asarray(scores, dtype=np.float64)

    def _products(self, goals: Float) -> Float:
        """Shape (rows held,): each candidate times the goal of its length."""
        if isinstance(self._values, np.ndarray):
            return np.asarray(np.einsum("sd,sd->s", self._values, goals[self._kind]), dtype=np.float64)
        rows = np.repeat(np.arange(len(self._kind)), np.diff(self._values.indptr))
        terms = self._values.data * goals[self._kind[rows], self._values.indices]
        return np.asarray(np.bincount(rows, terms, minlength=len(self._kind)), dtype=np.float64)

    def take(self, row: int) -> int:
        """Deliver a candidate; rows are dropped once half of them are gone."""
        chosen = int(self._ids[row])
        self._delivered = self._delivered + self._dense(row)
        self.tokens += float(self._distinct[self._kind[row]])
        self.alive[row] = False
        self.remaining -= 1
        if 2 * self.remaining < len(self.alive):
            self._compact()
        return chosen

    def _dense(self, row: int) -> Float:
        value = self._values[[row]]
        dense = value if isinstance(value, np.ndarray) else value.toarray()
        return np.asarray(dense[0], dtype=np.float64)

    def _compact(self) -> None:
        keep = self.alive
        self._values, self._norms = self._values[keep], self._norms[keep]
        self._ids, self._kind, self.alive = self._ids[keep], self._kind[keep], keep[keep]
