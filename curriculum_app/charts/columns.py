"""The distribution of a column, one line per domain."""

from __future__ import annotations

from typing import Any

from curriculum_app.core.column_statistics import Summary
from curriculum_app.core.columns import ColumnFacts

Figure = dict[str, Any]
SHOWN = 8  # domains with a colour of their own


def distribution(column: ColumnFacts) -> Figure:
    """Share of each domain's documents with a number, per bin; one domain more than there are colours: all together."""
    parts = column.domains if len(column.domains) <= SHOWN else {"all domains": column.summary}
    middle = [round(_middle(column, place), 6) for place in range(len(column.edges) - 1)]
    axis = {"title": {"text": column.unit}, "nticks": 5} | ({"type": "log"} if column.scale == "log" else {})
    bins = [(column.edges[place], column.edges[place + 1]) for place in range(len(column.edges) - 1)]
    return {
        "data": [_line(name, middle, summary) for name, summary in parts.items()],
        "layout": {
            "xaxis": axis,
            "yaxis": {"tickformat": ".0%", "rangemode": "tozero", "nticks": 4},
            "showlegend": False,
            "hovermode": "x unified",
        },
        "table": {
            "columns": ["from", "to", *parts],
            "rows": [
                [_rounded(low), _rounded(high), *(summary.counts[place] for summary in parts.values())]
                for place, (low, high) in enumerate(bins)
            ],
        },
        "alt": f"{column.title}: share of each domain's documents by {column.unit}",
    }


def _middle(column: ColumnFacts, place: int) -> float:
    low, high = column.edges[place], column.edges[place + 1]
    return float((low * high) ** 0.5 if column.scale == "log" else (low + high) / 2)


def _line(name: str, middle: list[float], summary: Summary) -> dict[str, Any]:
    total = summary.finite or 1
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": middle,
        "y": [round(count / total, 5) for count in summary.counts],
        "line": {"width": 1.6, "shape": "hvh"},
        "hovertemplate": "%{y:.1%}",
    }


def _rounded(value: float) -> float:
    return float(f"{value:.5g}")
