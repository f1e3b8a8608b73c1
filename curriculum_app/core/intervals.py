"""The interval of a share that was counted (pure)."""

from __future__ import annotations

import math
from statistics import NormalDist


def wilson(successes: int, n: int, alpha: float = 0.05) -> tuple[float, float]:
    """Wilson's score interval of a share (Wilson 1927); (0, 1) without any trial. 8 of 10 give .4902 to .9433."""
    if n == 0:
        return 0.0, 1.0
    z2 = NormalDist().inv_cdf(1 - alpha / 2) ** 2
    share = successes / n
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    return max(0.0, centre - half), min(1.0, centre + half)
