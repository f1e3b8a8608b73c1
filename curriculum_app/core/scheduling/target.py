"""What a schedule owes: tokens per group and per document-length bin after S tokens (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from curriculum_app.core.mixture_curve import Float, MixtureCurve

Counts = NDArray[np.int64] | NDArray[np.float64]


class Target(Protocol):
    """Cumulative plan. `tokens` has shape (n,)."""

    def groups(self, tokens: Float) -> Float:
        """Shape (n, K): tokens owed to each group."""

    def bins(self, tokens: Float) -> Float:
        """Shape (n, B): tokens owed to each document-length bin."""


@dataclass(frozen=True)
class StaticTarget:
    """The same shares at all times: tau (K,) of groups, kappa (B,) of length bins."""

    shares: Float
    bin_shares: Float

    def groups(self, tokens: Float) -> Float:
        return np.multiply.outer(tokens, self.shares)

    def bins(self, tokens: Float) -> Float:
        return np.multiply.outer(tokens, self.bin_shares)


@dataclass(frozen=True)
class CurveTarget:
    """Shares that move with tokens seen: E_j(S), and U*_b(S) = sum_j E_j(S) kappa_{b|j} (TerRIFIC Curricula)."""

    curve: MixtureCurve
    bins_given_group: Float  # (K, B), rows sum to 1

    def groups(self, tokens: Float) -> Float:
        return self.curve.cumulative(tokens)

    def bins(self, tokens: Float) -> Float:
        return np.asarray(self.curve.cumulative(tokens) @ self.bins_given_group, dtype=np.float64)


def bins_given_group(groups: Counts, bins: Counts) -> Float:
    """Shape (K, B): share of each group's tokens that lies in each length bin.

    Within a sequence the tokens of a group are spread over its bins in proportion. A group without tokens gets the
    shares of all tokens.
    """
    lengths = np.maximum(groups.sum(axis=1), 1)
    joint = groups.T @ (bins / lengths[:, None])
    totals = joint.sum(axis=1, keepdims=True)
    overall = bins.sum(axis=0) / max(bins.sum(), 1)
    shares: Float = np.where(totals > 0, joint / np.where(totals > 0, totals, 1.0), overall)
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
