"""How what a policy holds of its candidates is spread, over the run."""

from __future__ import annotations

import numpy as np

from curriculum_app.core.adaptive.contract import Standing
from training_app.charts.diagnosis import BAR, SCALE, Figure

MOMENTS = 120  # columns of the picture at most


def spread(standing: Standing, row_tokens: int) -> Figure:
    """A column per moment: the share of the candidates in each bin of values; blank where there is none."""
    taken = np.unique(np.linspace(0, len(standing.counts) - 1, min(MOMENTS, len(standing.counts))).astype(int))
    counts = standing.counts[taken]
    held = np.flatnonzero(counts.any(axis=0))
    low, high = (int(held[0]), int(held[-1]) + 1) if len(held) else (0, len(standing.edges) - 1)
    edges = standing.edges[low : high + 1]
    middles = np.where(edges[:-1] > 0, np.sqrt(np.maximum(edges[:-1], 1e-12) * edges[1:]), edges[1:] / 2)
    shares = counts[:, low:high] / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    tokens = (standing.rows_at[taken] * row_tokens).tolist()
    cells = [[float(f"{share:.4g}") if share else None for share in row] for row in shares.T]
    names = [f"{value:.3g}" for value in middles]
    return {
        "data": [
            {
                "type": "heatmap", "x": tokens, "y": names, "z": cells, "colorscale": SCALE, "hoverongaps": False,
                "colorbar": {**BAR, "tickformat": ".0%"},
                "hovertemplate": f"<b>%{{z:.1%}}</b> of the candidates<br>{standing.title} about %{{y}}<br>"
                "after %{x:.4s} tokens<extra></extra>",
            }
        ],
        "layout": {
            "xaxis": {"title": {"text": "tokens"}, "tickformat": "~s", "showgrid": False, "nticks": 6},
            "yaxis": {"title": {"text": standing.title}, "type": "category", "showgrid": False, "nticks": 8},
        },
        "table": {
            "columns": ["tokens", *names],
            "rows": [[at, *row] for at, row in zip(tokens, np.round(shares, 4).tolist(), strict=True)],
        },
        "alt": f"Spread of {standing.title} over {len(standing.candidates):,} candidates at {len(taken)} moments",
    }  # fmt: skip
