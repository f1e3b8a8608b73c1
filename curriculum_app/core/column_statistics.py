"""What is said of a column of numbers: moments, quantiles, histogram, missing values, rank correlation (pure)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import rankdata

from chimera.typed import Config
from curriculum_app.core.mixture_curve import Float

QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
BINS = 32
_SKEWED = 8.0  # the largest usual value over the median from which a logarithmic axis is easier to read


class Summary(Config):
    """A column over some documents. Numbers but `missing` and `infinite` are of the finite values; None without any.

    `counts` are documents per bin of the column's edges; values beyond the outer edges are in the outer bins.
    """

    documents: int
    missing: int
    infinite: int
    mean: float | None
    deviation: float | None
    quantiles: list[float] | None
    counts: list[int]

    @property
    def finite(self) -> int:
        return self.documents - self.missing - self.infinite

    def quantile(self, share: float) -> float | None:
        """The value at one of `QUANTILES`."""
        return self.quantiles[QUANTILES.index(share)] if self.quantiles else None

    @property
    def least(self) -> float | None:
        return self.quantile(0.0)

    @property
    def low(self) -> float | None:
        return self.quantile(0.05)

    @property
    def median(self) -> float | None:
        return self.quantile(0.5)

    @property
    def high(self) -> float | None:
        return self.quantile(0.95)

    @property
    def most(self) -> float | None:
        return self.quantile(1.0)


def summarise(values: Float, edges: Float) -> Summary:
    """Values (n,) and edges (bins + 1,) of the histogram; the deviation is that of a population."""
    finite = values[np.isfinite(values)]
    clipped = finite.clip(edges[0], edges[-1])
    return Summary(
        documents=len(values),
        missing=int(np.isnan(values).sum()),
        infinite=int(np.isinf(values).sum()),
        mean=float(finite.mean()) if len(finite) else None,
        deviation=float(finite.std()) if len(finite) else None,
        quantiles=np.quantile(finite, QUANTILES).tolist() if len(finite) else None,
        counts=np.histogram(clipped, edges)[0].tolist(),
    )


def histogram_edges(values: Float) -> tuple[Float, str]:
    """Edges (BINS + 1,) from the 0.5 % to the 99.5 % quantile of the finite values, and "linear" or "log"."""
    finite = values[np.isfinite(values)]
    low, middle, high = np.quantile(finite, [0.005, 0.5, 0.995]).tolist() if len(finite) else (0.0, 0.5, 1.0)
    if high <= low:
        low, high = low - 0.5, low + 0.5
    if low > 0 and high > _SKEWED * middle:
        return np.geomspace(low, high, BINS + 1), "log"
    return np.linspace(low, high, BINS + 1), "linear"


def rank_correlations(columns: Sequence[Float]) -> tuple[list[list[float | None]], list[list[int]]]:
    """Spearman's ρ (1904) of every pair, with average ranks of ties, and the documents that both have a number for.

    ρ is None where it does not exist: fewer than two documents, or all values of a column equal.
    """
    ranks: dict[int, Float] = {}  # of the columns without gaps: ranked once
    finite = [np.isfinite(column) for column in columns]
    size = len(columns)
    rho: list[list[float | None]] = [[None] * size for _ in columns]
    shared = [[0] * size for _ in columns]
    for i in range(size):
        for j in range(i + 1):
            both = finite[i] & finite[j]
            count = int(both.sum())
            if count == len(both):
                pair = [ranks.setdefault(k, _ranks(columns[k])) if k not in ranks else ranks[k] for k in (i, j)]
            else:
                pair = [_ranks(columns[k][both]) for k in (i, j)]
            rho[i][j] = rho[j][i] = _correlation(pair[0], pair[1])
            shared[i][j] = shared[j][i] = count
    return rho, shared


def _ranks(values: Float) -> Float:
    return np.asarray(rankdata(values), dtype=np.float64)


def _correlation(x: Float, y: Float) -> float | None:
    """Pearson's correlation of ranks."""
    if len(x) < 2:
        return None
    x, y = x - x.mean(), y - y.mean()
    scale = float(np.sqrt((x @ x) * (y @ y)))
    return min(1.0, max(-1.0, float(x @ y) / scale)) if scale > 0 else None


def share_below(values: Float, value: float) -> float | None:
    """The share of the finite values below `value`, plus half of the equal ones: its percentile in [0, 1]."""
    finite = values[np.isfinite(values)]
    if not len(finite) or not np.isfinite(value):
        return None
    return float(((finite < value).sum() + (finite == value).sum() / 2) / len(finite))
