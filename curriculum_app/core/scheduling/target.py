"""What a schedule owes: tokens per group and per document-length bin after S tokens (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from curriculum_app.core.mixture_curve import Float, MixtureCurve

Counts = NDArray[np.int64] | NDArray[np.float64]
Rows: TypeAlias = sparse.csr_array  # (M, K) or (M, B) tokens, float64
GRID, EVERYWHERE = 256, 2_000_000


def rows_of_counts(counts: Counts | Rows) -> Rows:
    """Tokens by sequence and group as float64 CSR with sorted columns and no stored zeros, whatever came."""
    rows = sparse.csr_array(counts, dtype=np.float64, copy=True)
    rows.sum_duplicates()
    rows.eliminate_zeros()
    return rows


class Target(Protocol):
    """Cumulative plan. `tokens` has shape (n,)."""

    @property
    def constant(self) -> bool:
        """Whether shares are the same at all times."""

    def groups(self, tokens: Float) -> Float:
        """Shape (n, K): tokens owed to each group."""

    def bins(self, tokens: Float) -> Float:
        """Shape (n, B): tokens owed to each document-length bin."""


@dataclass(frozen=True)
class StaticTarget:
    """The same shares at all times: tau (K,) of groups, kappa (B,) of length bins."""

    shares: Float
    bin_shares: Float
    constant: ClassVar[bool] = True

    def groups(self, tokens: Float) -> Float:
        return np.multiply.outer(tokens, self.shares)

    def bins(self, tokens: Float) -> Float:
        return np.multiply.outer(tokens, self.bin_shares)


@dataclass(frozen=True)
class CurveTarget:
    """Shares that move with tokens seen: E_j(S), and U*_b(S) = sum_j E_j(S) kappa_{b|j} (TerRIFIC Curricula)."""

    curve: MixtureCurve
    bins_given_group: Float  # (K, B), rows sum to 1

    @property
    def constant(self) -> bool:
        return len(self.curve.knots) == 1

    def groups(self, tokens: Float) -> Float:
        return self.curve.cumulative(tokens)

    def bins(self, tokens: Float) -> Float:
        return np.asarray(self.curve.cumulative(tokens) @ self.bins_given_group, dtype=np.float64)


def bins_given_group(groups: Counts | Rows, bins: Counts | Rows) -> Float:
    """Shape (K, B): share of each group's tokens that lies in each length bin.

    Within a sequence the tokens of a group are spread over its bins in proportion. A group without tokens gets the
    shares of all tokens.
    """
    held, spread = rows_of_counts(groups), rows_of_counts(bins)
    overall = np.asarray(spread.sum(axis=0), dtype=np.float64)
    lengths = np.maximum(held.sum(axis=1), 1)
    joint = (held.T @ (sparse.diags_array(1 / lengths) @ spread)).toarray()
    totals = joint.sum(axis=1, keepdims=True)
    shares: Float = np.where(totals > 0, joint / np.where(totals > 0, totals, 1.0), overall / max(overall.sum(), 1))
    return shares


def feasible_horizon(target: Target, available: Counts) -> float:
    """Largest S (tokens) up to which no group is owed more than is available, at most sum(available).

    One pass over finite data can keep a mixture other than its own only for so long.
    """
    total = float(available.sum())
    limit = available * (1 + 1e-9) + 1e-6

    def feasible(tokens: float) -> bool:
        return bool(np.all(target.groups(np.array([tokens]))[0] <= limit))

    if feasible(total):
        return total
    low, high = 0.0, total
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if feasible(middle) else (low, middle)
    return low


class Owed:
    """A target worked out at some points and read at any other in constant memory.

    Constant shares are a line. With n points and K groups, n * K <= `EVERYWHERE`: exactly at the points themselves.
    Otherwise a cubic through 256 nodes, half even in tokens and half even in their logarithm; the slopes are central
    differences.
    """

    def __init__(self, target: Target, tokens: Float, num_groups: int) -> None:
        """`tokens`: (n,) ascending, where the target will be asked for."""
        self._nodes = np.array([0.0, tokens[-1]]) if target.constant else _nodes(tokens, num_groups)
        self._groups, self._bins = (_with_slopes(f(self._nodes), self._nodes) for f in (target.groups, target.bins))

    def groups(self, tokens: Float, columns: NDArray[np.int64] | NDArray[np.int32]) -> Float:
        """Shape (n,): what is owed to group `columns[i]` after `tokens[i]`."""
        return self._read(*self._groups, tokens, columns)

    def bins(self, tokens: Float) -> Float:
        """Shape (n, B)."""
        return self._read(*self._bins, tokens[:, None], np.arange(self._bins[0].shape[1])[None, :])

    def _read(self, values: Float, slopes: Float, at: Float, columns: NDArray[np.int64] | NDArray[np.int32]) -> Float:
        nodes = self._nodes
        if len(nodes) == 2:  # a straight line from 0
            return np.asarray(values[1][columns] * (at / nodes[1]), dtype=np.float64)
        cell = np.clip(np.searchsorted(nodes, at, side="right") - 1, 0, len(nodes) - 2)
        width = nodes[cell + 1] - nodes[cell]
        u = (at - nodes[cell]) / width
        low, high = values[cell, columns], values[cell + 1, columns]
        rise, first, last = high - low, slopes[cell, columns] * width, slopes[cell + 1, columns] * width
        return np.asarray(low + u * (rise + (1 - u) * ((1 - u) * (first - rise) + u * (rise - last))), dtype=np.float64)


def _nodes(tokens: Float, num_groups: int) -> Float:
    if len(tokens) * num_groups <= EVERYWHERE:
        return np.unique(np.append(0.0, tokens))
    even = np.linspace(0.0, tokens[-1], GRID // 2)
    return np.unique(np.concatenate([even, np.geomspace(tokens[0], tokens[-1], GRID // 2)]))


def _with_slopes(values: Float, nodes: Float) -> tuple[Float, Float]:
    return values, np.asarray(np.gradient(values, nodes, axis=0), dtype=np.float64)
