"""The 2-D map of a clustering: one point per document of the sample, by cluster or by domain."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

Figure = dict[str, Any]

COLOURS = 8
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "x", "star", "pentagon")
LEGEND_UP_TO = 10
LABELLED = 40  # clusters with their number on the map


def cluster_map(points: dict[str, list[Any]], names: Sequence[str], colour: str, method: str) -> Figure:
    """Points in the colours of their clusters (`colour` "cluster") or domains; the number of a cluster at its middle.

    Args:
        points: columns `x`, `y`, `cluster`, `domain`, `id`, `title`, as a `Clustering` keeps them.
        names: of the clusters, by number.
    """
    groups = _by_cluster(points, names) if colour == "cluster" else _by_domain(points)
    axis = {"visible": False, "showgrid": False}
    count = len(points["x"])
    return {
        "data": [_trace(points, names, title, rows, at) for at, (title, rows) in enumerate(groups)],
        "layout": {
            "xaxis": axis,
            "yaxis": {**axis, "scaleanchor": "x"},
            "showlegend": colour == "domain" or len(groups) <= LEGEND_UP_TO,
            "legend": {"itemsizing": "constant"},
            "annotations": _labels(points, len(names)),
            "margin": {"l": 4, "r": 4, "t": 4, "b": 4},
        },
        "table": {"columns": ["document", "cluster", "domain", "x", "y"], "rows": _rows(points, names)},
        "alt": f"Map of {count} documents by {method}, coloured by {colour}; {len(names)} clusters, listed below",
    }


def _by_cluster(points: dict[str, list[Any]], names: Sequence[str]) -> list[tuple[str, list[int]]]:
    members: list[list[int]] = [[] for _ in names]
    for row, cluster in enumerate(points["cluster"]):
        members[cluster].append(row)
    return [(f"{number + 1} {names[number]}", rows) for number, rows in enumerate(members)]


def _by_domain(points: dict[str, list[Any]]) -> list[tuple[str, list[int]]]:
    members: dict[str, list[int]] = {}
    for row, domain in enumerate(points["domain"]):
        members.setdefault(domain, []).append(row)
    return sorted(members.items())


def _trace(points: dict[str, list[Any]], names: Sequence[str], title: str, rows: list[int], at: int) -> dict[str, Any]:
    """`customdata` holds title, cluster's name, domain and the cluster's number (for a click)."""
    about = [
        [points["title"][row] or points["id"][row], names[points["cluster"][row]], points["domain"][row],
         points["cluster"][row]]
        for row in rows
    ]  # fmt: skip
    symbol = SYMBOLS[at // COLOURS % len(SYMBOLS)]
    colour = f"--series-{at % COLOURS + 1}/0.75"
    return {
        "type": "scattergl", "mode": "markers", "name": title,
        "x": [points["x"][row] for row in rows], "y": [points["y"][row] for row in rows], "customdata": about,
        "marker": {"size": 5, "symbol": symbol, "color": colour},
        "hovertemplate": "%{customdata[0]}<br>%{customdata[1]}<br>%{customdata[2]}<extra></extra>",
    }  # fmt: skip


def _labels(points: dict[str, list[Any]], clusters: int) -> list[dict[str, Any]]:
    """Numbers at the middle (median) of the largest clusters."""
    labels = []
    for number in range(min(clusters, LABELLED)):
        rows = [row for row, cluster in enumerate(points["cluster"]) if cluster == number]
        if rows:
            middle = {axis: median(points[axis][row] for row in rows) for axis in ("x", "y")}
            labels.append(middle | {"text": str(number + 1), "showarrow": False, **_LABEL})
    return labels


_LABEL: dict[str, Any] = {
    "font": {"size": 11, "color": "--ink"}, "bgcolor": "--surface", "borderpad": 2, "opacity": 0.85,
    "bordercolor": "--line-strong", "borderwidth": 1,
}  # fmt: skip


def _rows(points: dict[str, list[Any]], names: Sequence[str]) -> list[list[Any]]:
    columns = (points["id"], points["cluster"], points["domain"], points["x"], points["y"])
    return [
        [name, f"{cluster + 1} {names[cluster]}", domain, x, y]
        for name, cluster, domain, x, y in zip(*columns, strict=True)
    ]
