"""`MixtureCurve`: group shares as a function of tokens seen, linear in log N between knots (pure).

Source: TerRIFIC Curricula, continuous curriculum f(N, G), Algorithm 1. Shares are softmax(f(N)),
f is piecewise linear in s = log N and constant before the first and after the last knot.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp, softmax

Float = NDArray[np.float64]
NODES, WEIGHTS = np.polynomial.legendre.leggauss(16)


@dataclass(frozen=True)
class MixtureCurve:
    """`logits[i]` are the K group logits at `knots[i]` tokens; `names` are the groups."""

    names: tuple[str, ...]
    knots: Float  # (B,), strictly increasing, > 0, tokens
    logits: Float  # (B, K)

    def __post_init__(self) -> None:
        if self.knots.ndim != 1 or self.logits.shape != (len(self.knots), len(self.names)) or not len(self.knots):
            raise ValueError("logits must have one row per knot and one column per group")
        if self.knots[0] <= 0 or np.any(np.diff(self.knots) <= 0) or not np.all(np.isfinite(self.logits)):
            raise ValueError("knots must be positive and strictly increasing, logits finite")

    @classmethod
    def constant(cls, names: Sequence[str], shares: ArrayLike) -> MixtureCurve:
        """The same shares at every N. A share of 0 becomes exp(-700) of the rest."""
        logs = np.log(np.maximum(np.asarray(shares, dtype=np.float64), np.exp(-700.0)))
        return cls(tuple(names), np.array([1.0]), logs[None, :])

    @classmethod
    def stepped(cls, names: Sequence[str], ends: Sequence[float], shares: ArrayLike) -> MixtureCurve:
        """Shares that stand still until each of `ends` (tokens, increasing, > 0) and then are those of the next row.

        Args:
            shares: shape (n, K), one row per stretch; the last one holds beyond its end as well.
        """
        logs = np.log(np.maximum(np.asarray(shares, dtype=np.float64), np.exp(-700.0)))
        knots = [ends[0] / 2] + [place for end in ends[:-1] for place in (end * (1 - 1e-9), end)]
        return cls(tuple(names), np.array(knots), logs[np.repeat(np.arange(len(ends)), 2)[: len(knots)]])

    def logits_at(self, tokens: ArrayLike) -> Float:
        """Shape (..., K): f(N); N <= 0 counts as the first knot."""
        s = np.log(np.maximum(np.asarray(tokens, dtype=np.float64), self.knots[0]))
        columns = [np.interp(s, np.log(self.knots), self.logits[:, k]) for k in range(len(self.names))]
        return np.stack(columns, axis=-1)

    def at(self, tokens: ArrayLike) -> Float:
        """Shape (..., K): the group shares after `tokens` tokens; they sum to 1."""
        shares: Float = softmax(self.logits_at(tokens), axis=-1)
        return shares

    def cumulative(self, tokens: ArrayLike) -> Float:
        """Shape (..., K): tokens owed to each group after S tokens, the integral of `at` from 0 to S.

        Constant parts are exact; between knots 16 Gauss-Legendre nodes in s = log n (integrand p(e^s) e^s). The result
        is scaled so that it sums to S.
        """
        total = np.asarray(tokens, dtype=np.float64)
        flat = np.maximum(total.ravel(), 0.0)
        owed = np.minimum(flat, self.knots[0])[:, None] * self.at(self.knots[0])
        for low, high in itertools.pairwise(self.knots):
            owed += self._between(low, np.clip(flat, low, high))
        owed += np.maximum(flat - self.knots[-1], 0.0)[:, None] * self.at(self.knots[-1])
        owed *= (flat / np.maximum(owed.sum(axis=1), 1e-300))[:, None]
        return np.asarray(owed.reshape(*total.shape, len(self.names)), dtype=np.float64)

    def _between(self, low: float, upper: Float) -> Float:
        """Integrals from `low` to each of `upper`, which all lie within one knot interval; shape (n, K)."""
        inside = upper > low
        full = upper == upper.max(initial=low)  # one evaluation serves all that reach the interval's end
        owed = np.zeros((len(upper), len(self.names)))
        for chosen, values in ((inside & full, upper[inside & full][:1]), (inside & ~full, upper[inside & ~full])):
            if len(values):
                n, dn = quadrature(low, values)
                owed[chosen] = np.einsum("ij,ijk->ik", dn, self.at(n))
        return owed

    def shifted(self, offsets: ArrayLike) -> MixtureCurve:
        """The curve with a constant added to each group's logit."""
        moved = self.logits + np.asarray(offsets, dtype=np.float64)
        return MixtureCurve(self.names, self.knots, moved - moved.mean(axis=1, keepdims=True))

    def as_json(self) -> dict[str, Any]:
        return {"names": list(self.names), "knots": self.knots.tolist(), "logits": self.logits.tolist()}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> MixtureCurve:
        return cls(tuple(value["names"]), np.array(value["knots"], float), np.array(value["logits"], float))


def quadrature(low: float, upper: Float) -> tuple[Float, Float]:
    """Nodes n and weights dn, both (n, 16), of the integral over [low, upper[i]] taken in s = log n."""
    half = (np.log(upper) - np.log(low))[:, None] / 2
    n = np.exp(np.log(low) + half * (1 + NODES))
    return n, half * WEIGHTS * n


def fit_to_totals(curve: MixtureCurve, totals: ArrayLike, tolerance: float = 1e-9) -> MixtureCurve:
    """Shift each group's logit by a constant so that the integral over [0, sum(totals)] equals `totals`.

    The offsets are the dual of an entropic transport problem between tokens seen and groups: the matrix balancing that
    iterative proportional fitting solves; Newton steps speed it up.

    Args:
        totals: shape (K,), tokens of each group, >= 0. Groups with 0 tokens keep a share below 1e-12.
        tolerance: largest accepted |integral - total| / sum(totals).

    Raises:
        ValueError: negative totals, all zero, or no convergence in 500 steps.
    """
    wanted = np.asarray(totals, dtype=np.float64)
    if wanted.shape != (len(curve.names),) or np.any(wanted < 0) or wanted.sum() <= 0:
        raise ValueError("totals must hold one non-negative number per group, not all zero")
    live = wanted > 0
    n, dn = _whole(curve, float(wanted.sum()))
    offsets = _balance(curve.logits_at(n)[:, live], dn, wanted[live], tolerance)
    full = np.full(len(wanted), offsets.min() - 60.0 - np.ptp(curve.logits))
    full[live] = offsets
    return curve.shifted(full)


def _whole(curve: MixtureCurve, budget: float) -> tuple[Float, Float]:
    """Nodes and weights of the integral over [0, budget], exactly as `cumulative(budget)` takes it."""
    knots = curve.knots
    parts = [(np.array([knots[0]]), np.array([min(budget, knots[0])]))]
    for low, high in itertools.pairwise(knots):
        if budget > low:
            n, dn = quadrature(low, np.array([min(budget, high)]))
            parts.append((n[0], dn[0]))
    parts.append((knots[-1:], np.array([max(budget - knots[-1], 0.0)])))
    weights = np.concatenate([part[1] for part in parts])
    return np.concatenate([part[0] for part in parts]), weights * (budget / weights.sum())


def _balance(fields: Float, dn: Float, wanted: Float, tolerance: float) -> Float:
    """Offsets a with sum_i dn_i softmax(fields_i + a) = wanted.

    They minimise a convex dual. Proportional fitting always lowers it but crawls when groups hardly overlap; a Newton
    step is taken instead whenever it lowers the dual as much as its slope promises.
    """
    weights, mass = dn / dn.sum(), wanted / wanted.sum()

    def dual(a: Float) -> float:
        return float(weights @ logsumexp(fields + a, axis=1) - mass @ a)

    offsets = np.log(mass) - weights @ fields
    for turn in range(500):
        shares = softmax(fields + offsets, axis=1)
        got = weights @ shares
        gradient = got - mass
        if np.abs(gradient).max() <= tolerance * 1e-3:
            break
        hessian = np.diag(got) - (shares * weights[:, None]).T @ shares
        step = np.linalg.lstsq(hessian, -gradient, rcond=None)[0]
        if turn < 3 or dual(offsets + step) > dual(offsets) + 0.1 * float(gradient @ step):
            step = np.log(mass) - np.log(np.maximum(got, 1e-300))
        offsets = offsets + step
    if np.abs(gradient).max() > tolerance:
        raise ValueError("the mixture curve could not be fitted to the pool's tokens; use a lower sharpness")
    return np.asarray(offsets, dtype=np.float64)
