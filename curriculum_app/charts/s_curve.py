"""S-curve of the chosen bands: the probability of a proposal by similarity, with what was measured and removed."""

from __future__ import annotations

from typing import Any

import numpy as np

from curriculum_app.core.dedup.near_duplicates import probability_of_proposal

Figure = dict[str, Any]
POINTS = 101


def s_curve(bands: int, rows: int, threshold: float, report: dict[str, Any]) -> Figure:
    """P(s) = 1 − (1 − s^rows)^bands; points: share proposed in the sample; bars: removed documents by similarity."""
    similarity = np.linspace(0, 1, POINTS)
    expected = [round(probability_of_proposal(float(s), bands, rows), 6) for s in similarity]
    curve = {
        "type": "scatter", "mode": "lines", "name": f"expected of {bands} × {rows}", "x": similarity.round(2).tolist(),
        "y": expected, "line": {"width": 2}, "hovertemplate": "%{y:.1%}",
    }  # fmt: skip
    bins = report.get("measured", {}).get("bins", [])
    removed = report.get("similarities", [])
    alt = f"Probability that {bands} bands of {rows} rows propose a pair, by its similarity; threshold {threshold:g}"
    return {
        "data": [*_removed(removed), curve, *_measured(bins)],
        "layout": {
            "xaxis": {"title": {"text": "exact Jaccard similarity"}, "range": [0, 1.01]},
            "yaxis": {"title": {"text": "share proposed"}, "range": [0, 1.03], "tickformat": ".0%"},
            "yaxis2": {
                "title": {"text": "removed documents"}, "overlaying": "y", "side": "right", "rangemode": "tozero",
                "showgrid": False,
            },
            "shapes": [_threshold(threshold)],
            "margin": {"r": 46},
        },
        "table": {"columns": ["similarity from", "expected", "pairs", "proposed", "removed"],
                  "rows": _rows(bands, rows, bins, removed)},
        "alt": alt,
    }  # fmt: skip


def _measured(bins: list[dict[str, int]]) -> list[dict[str, Any]]:
    filled = [(place, item["pairs"], item["proposed"]) for place, item in enumerate(bins) if item["pairs"]]
    if not filled:
        return []
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": "proposed in the sample",
            "x": [(place + 0.5) / len(bins) for place, _, _ in filled],
            "y": [round(proposed / pairs, 5) for _, pairs, proposed in filled],
            "customdata": [pairs for _, pairs, _ in filled],
            "marker": {"size": 8, "color": "--series-2"},
            "hovertemplate": "%{y:.1%} of %{customdata} pairs",
        }
    ]


def _removed(counts: list[int]) -> list[dict[str, Any]]:
    if not any(counts):
        return []
    middle = [(place + 0.5) / len(counts) for place in range(len(counts))]
    bar = {"type": "bar", "name": "removed documents", "x": middle, "y": counts, "yaxis": "y2"}
    return [{**bar, "width": 0.9 / len(counts), "marker": {"color": "--series-3/0.4"}, "hovertemplate": "%{y}"}]


def _threshold(threshold: float) -> dict[str, Any]:
    line = {"width": 1, "dash": "dash", "color": "--muted"}
    return {"type": "line", "x0": threshold, "x1": threshold, "yref": "paper", "y0": 0, "y1": 1, "line": line}


def _rows(bands: int, rows: int, bins: list[dict[str, int]], removed: list[int]) -> list[list[float | None]]:
    count = max(len(bins), len(removed), 20)
    table: list[list[float | None]] = []
    for place in range(count):
        similarity = place / count
        measured = [bins[place]["pairs"], bins[place]["proposed"]] if bins else [None, None]
        expected = round(probability_of_proposal(similarity, bands, rows), 6)
        table.append([round(similarity, 3), expected, *measured, removed[place] if removed else None])
    return table
