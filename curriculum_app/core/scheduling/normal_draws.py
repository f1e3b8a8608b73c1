"""Compiled normal deviates, and the largest of many in one draw; imported only where it runs.

numba keeps a caller's machine code, these functions in it, until the caller's own file changes: who changes something
here changes `block_kernels.py` as well.
"""

from __future__ import annotations

import math

import numba
import numpy as np


@numba.njit(cache=True)
def random(state):
    """The next number in (0, 1) of SplitMix64 (Steele, Lea, Flood 2014); `state` is advanced."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return (float(z >> np.uint64(11)) + 0.5) / 9007199254740992.0


@numba.njit(cache=True)
def upper_quantile(q):
    """x with P(N(0, 1) > x) = q, for q in (0, 1): Acklam's rational approximation and one Halley step."""
    p = min(q, 1.0 - q)
    if p < 0.02425:
        r = math.sqrt(-2.0 * math.log(max(p, 1e-300)))
        top = (
            (((-7.784894002430293e-03 * r - 3.223964580411365e-01) * r - 2.400758277161838) * r - 2.549732539343734) * r
            + 4.374664141464968
        ) * r + 2.938163982698783
        x = top / (
            (((7.784695709041462e-03 * r + 3.224671290700398e-01) * r + 2.445134137142996) * r + 3.754408661907416) * r
            + 1.0
        )
    else:
        s = p - 0.5
        r = s * s
        top = (
            (
                (
                    ((-3.969683028665376e01 * r + 2.209460984245205e02) * r - 2.759285104469687e02) * r
                    + 1.383577518672690e02
                )
                * r
                - 3.066479806614716e01
            )
            * r
            + 2.506628277459239
        ) * s
        x = top / (
            (
                (
                    ((-5.447609879822406e01 * r + 1.615858368580409e02) * r - 1.556989798598866e02) * r
                    + 6.680131188771972e01
                )
                * r
                - 1.328068155288572e01
            )
            * r
            + 1.0
        )
    error = 0.5 * math.erfc(-x / math.sqrt(2.0)) - p
    u = error * math.sqrt(2.0 * math.pi) * math.exp(min(x * x / 2.0, 600.0))
    x = x - u / (1.0 + x * u / 2.0)
    return -x if q < 0.5 else x


@numba.njit(cache=True)
def largest_of(count, tail, state):
    """The largest of `count` independent N(0, 1) that all have P(N > x) > `tail` (0: of plain ones), in one draw.

    F(max) = F(cap) * u^(1/count), worked out in the upper tail.
    """
    below = math.log1p(-tail) + math.log(random(state)) / count
    return upper_quantile(min(max(-math.expm1(below), 1e-300), 1.0 - 1e-16))
