"""Two curricula drawn over each other: the shares of every group over the run, one solid, one dashed."""

from __future__ import annotations

from typing import Any

import numpy as np

from curriculum_app.core.mixture_curve import Float

Figure = dict[str, Any]
Drawn = tuple[str, tuple[str, ...], Float, Float]
"""Label, groups, positions (shares of the budget) and shares (positions, groups) of one curriculum."""

MOST = 12  # groups that can still be told apart


def difference(left: Drawn, right: Drawn, *, log: bool) -> Figure:
    """Lines of the groups that differ most, in one colour for both curricula; the table holds all groups.

    A group that only one of them has is drawn for that one.
    """
    names = list(dict.fromkeys([*left[1], *right[1]]))
    at = left[2]
    sides = [_on(at, drawn, names) for drawn in (left, right)]
    chosen = sorted(range(len(names)), key=lambda k: -_apart(sides[0][:, k], sides[1][:, k]))[:MOST]
    data = [
        _line(names[k], at, side[:, k], label, dash, number)
        for number, k in enumerate(sorted(chosen))
        for side, label, dash in ((sides[0], left[0], "solid"), (sides[1], right[0], "dash"))
    ]
    rows = [
        [float(place), name, *(None if np.isnan(side[i, k]) else float(side[i, k]) for side in sides)]
        for i, place in enumerate(at)
        for k, name in enumerate(names)
    ]
    xaxis: dict[str, Any] = {"title": {"text": "share of the budget"}, "tickformat": "~%"}
    xaxis |= {"type": "log", "range": [-3, 0], "dtick": 1} if log else {"range": [0, 1]}
    alt = f"Share of each group over the run: {left[0]} solid, {right[0]} dashed"
    return {
        "data": data,
        "layout": {"xaxis": xaxis, "yaxis": {"rangemode": "tozero", "tickformat": ".0%"}, "showlegend": True},
        "table": {"columns": ["share of the budget", "group", left[0], right[0]], "rows": rows},
        "alt": alt,
    }


def _on(at: Float, drawn: Drawn, names: list[str]) -> Float:
    """Shape (positions, names): its shares at positions `at`; NaN for groups it does not have."""
    _, own, places, shares = drawn
    columns = [np.interp(at, places, shares[:, own.index(n)]) if n in own else np.full(len(at), np.nan) for n in names]
    return np.stack(columns, axis=1)


def _apart(one: Float, other: Float) -> float:
    gap = np.abs(one - other)
    return 1.0 if np.isnan(gap).all() else float(np.nanmax(gap))


def _line(name: str, at: Float, share: Float, label: str, dash: str, number: int) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "legendgroup": name,
        "showlegend": dash == "solid" or bool(np.isnan(share).all()),
        "x": at.tolist(),
        "y": [None if np.isnan(value) else round(float(value), 5) for value in share],
        "line": {"width": 2, "dash": dash, "color": f"--series-{number % 8 + 1}"},
        "hovertemplate": f"{label}, {name}: %{{y:.1%}} at %{{x:.1%}}<extra></extra>",
    }
