"""Mixture over tokens: what a schedule planned and what its order delivers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from curriculum_app.core.mixture_curve import Float, MixtureCurve
from curriculum_app.core.tracks import Phase

Figure = dict[str, Any]

# Groups of a scale (difficulty) take cividis, which is ordered for every eye; others take the series colours.
_CIVIDIS = [
    "#00224e",
    "#123570",
    "#3b496c",
    "#575d6d",
    "#707173",
    "#8a8678",
    "#a59c74",
    "#c3b369",
    "#e1cc55",
    "#fee838",
]
WINDOWS = 40
_LABEL_HEIGHT = 0.05  # of the chart; a thinner band has no room for its name
_LETTER_WIDTH = 0.016  # of the chart
_PLACES = 12  # where a name may stand


def cumulative(report: dict[str, Any], curve: MixtureCurve, *, log: bool, ordered: bool) -> Figure:
    """Shares of all tokens delivered so far, stacked, with the planned borders between groups as dashed lines."""
    tokens, delivered, planned = _points(report)
    shares, borders, names = _shares(delivered), np.cumsum(_shares(planned), axis=1)[:, :-1], _names(report, curve)
    data = _areas(tokens, shares, names, ordered) + _borders(tokens, borders, "planned")
    alt = "Share of all tokens delivered so far by group; dotted: planned"
    return _figure(data, names, tokens, shares, log=log, ordered=ordered, alt=alt)


def moment(report: dict[str, Any], curve: MixtureCurve, *, log: bool, ordered: bool) -> Figure:
    """Shares at each moment: the curve stacked, and as dotted borders what the order delivers in windows around it."""
    tokens, delivered, _ = _points(report)
    planned, names = _folded(report, curve.at(tokens)), _names(report, curve)
    middle, windows = _windows(tokens, delivered)
    borders = np.cumsum(windows, axis=1)[:, :-1]
    data = _areas(tokens, planned, names, ordered) + _borders(middle, borders, "delivered")
    alt = "Planned share of tokens at each moment by group; dotted: delivered"
    return _figure(data, names, tokens, planned, log=log, ordered=ordered, alt=alt)


def with_phases(figure: Figure, phases: Sequence[Phase], tokens: int, *, log: bool) -> Figure:
    """The figure with a dotted line where each named phase begins, and its name there if it has room.

    Changes the figure. `tokens` is the budget of which the phases are shares.
    """
    layout = figure["layout"]
    low, high = layout["xaxis"]["range"]

    def place(share: float) -> float:
        at = max(share * tokens, 1.0)
        return float(np.clip(np.log10(at) if log else at, low, high))

    for phase in phases:
        start, left, right = max(phase.start * tokens, 1.0), place(phase.start), place(phase.end)
        line = {"type": "line", "x0": start, "x1": start, "yref": "paper", "y0": 0, "y1": 1}
        layout.setdefault("shapes", []).append({**line, "line": {"dash": "dot", "width": 1, "color": "--ink"}})
        name = next(
            (word for word in (phase.name, phase.name.partition(" ")[0]) if _fits(word, right - left, high - low)), ""
        )
        where = {"x": left, "y": 1, "yref": "paper", "xanchor": "left", "yanchor": "bottom", "showarrow": False}
        layout["annotations"].append({**where, "text": name, "font": {"size": 11}})
    return figure


def _fits(word: str, width: float, whole: float) -> bool:
    return len(word) * _LETTER_WIDTH * whole <= width


def planned(names: tuple[str, ...], tokens: Float, shares: Float, *, log: bool, ordered: bool) -> Figure:
    """What is planned at each moment where there is no order yet."""
    data = _areas(tokens, shares, names, ordered)
    alt = "Planned share of tokens at each moment by group"
    return _figure(data, names, tokens, shares, log=log, ordered=ordered, alt=alt)


def _points(report: dict[str, Any]) -> tuple[Float, Float, Float]:
    points = report["points"]
    return tuple(np.asarray(points[name], dtype=np.float64) for name in ("tokens", "delivered", "planned"))  # type: ignore[return-value]


def _names(report: dict[str, Any], curve: MixtureCurve) -> tuple[str, ...]:
    """Of all groups, or of those that a report of very many groups shows and one name for the rest."""
    shown = report["points"].get("shown")
    return curve.names if shown is None else (*(curve.names[index] for index in shown), "all others")


def _folded(report: dict[str, Any], shares: Float) -> Float:
    shown = report["points"].get("shown")
    if shown is None:
        return shares
    kept = shares[:, shown]
    return np.column_stack([kept, 1 - kept.sum(axis=1)])


def _shares(counts: Float) -> Float:
    shares: Float = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-12)
    return shares


def _windows(tokens: Float, delivered: Float) -> tuple[Float, Float]:
    """Shares delivered in `WINDOWS` windows of equal size, with the middle of each in tokens.

    A window of a few sequences would show which documents came, not the mixture.
    """
    edges = np.searchsorted(tokens, np.linspace(0, tokens[-1], WINDOWS + 1)[1:]).clip(0, len(tokens) - 1)
    at = np.unique(edges)
    ends, counts = tokens[at], delivered[at]
    before = np.concatenate([[0.0], ends[:-1]])
    return (before + ends) / 2, _shares(np.diff(counts, axis=0, prepend=0))


def _areas(tokens: Float, shares: Float, names: tuple[str, ...], ordered: bool) -> list[dict[str, Any]]:
    colours = _ramp(len(names)) if ordered else [None] * len(names)
    return [_area(tokens, shares[:, k], name, colours[k]) for k, name in enumerate(names)]


def _ramp(count: int) -> list[str | None]:
    at = np.linspace(0, len(_CIVIDIS) - 1, count).round().astype(int)
    return [_CIVIDIS[-1 - index] for index in at]


def _area(tokens: Float, share: Float, name: str, colour: str | None) -> dict[str, Any]:
    trace: dict[str, Any] = {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": tokens.tolist(),
        "y": share.round(5).tolist(),
        "stackgroup": "share",
        "line": {"width": 0.5},
        "hovertemplate": "%{y:.1%}",
    }
    if colour:
        trace |= {"fillcolor": colour, "line": {"width": 0.5, "color": colour}}
    return trace


def _borders(x: Float, borders: Float, word: str) -> list[dict[str, Any]]:
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": word,
            "x": x.tolist(),
            "y": column.round(5).tolist(),
            "line": {"width": 1.2, "dash": "dot", "color": "--ink"},
            "hoverinfo": "skip",
        }
        for column in borders.T
    ]


def _labels(tokens: Float, shares: Float, names: tuple[str, ...], ordered: bool, log: bool) -> list[dict[str, Any]]:
    """The name of each band where it is thick and no other name is at its height; the rest have theirs in the hover."""
    scale = np.geomspace(0.02, 0.9, _PLACES) if log else np.linspace(0.1, 0.9, _PLACES)
    places = np.searchsorted(tokens, tokens[-1] * scale)
    middle = np.cumsum(shares, axis=1) - shares / 2
    found: list[dict[str, Any]] = []
    for k, name in enumerate(names):
        for at in sorted(places, key=lambda place: -shares[place, k]):
            y = float(middle[at, k])
            if shares[at, k] < _LABEL_HEIGHT or any(abs(y - other["y"]) < _LABEL_HEIGHT for other in found):
                continue
            colour = ("#111111" if k < len(names) / 2 else "#ffffff") if ordered else "--ink"
            found.append(_label(name, float(tokens[at]), float(tokens[-1]), y, colour, log))
            break
    return found


def _label(name: str, x: float, last: float, y: float, colour: str, log: bool) -> dict[str, Any]:
    side = "right" if x > last * (0.2 if log else 0.6) else "left"
    place = {"x": float(np.log10(x)) if log else x, "y": y, "xanchor": side, "showarrow": False}
    return {**place, "text": name, "font": {"size": 11, "color": colour}}


def _figure(
    data: list[dict[str, Any]],
    names: tuple[str, ...],
    tokens: Float,
    shares: Float,
    *,
    log: bool,
    ordered: bool,
    alt: str,
) -> Figure:
    start = tokens[min(1, len(tokens) - 1)]  # the first point is a single sequence
    xaxis: dict[str, Any] = {"title": {"text": "tokens"}, "type": "log" if log else "linear", "exponentformat": "SI"}
    if log:
        xaxis["dtick"] = "D2"  # 1, 2, 5: over two decades plotly would label every digit, over each other
    xaxis["range"] = np.log10([start, tokens[-1]]).tolist() if log else [0, float(tokens[-1])]
    rows = [[int(n), *(round(float(value), 5) for value in row)] for n, row in zip(tokens, shares, strict=True)]
    return {
        "data": data,
        "layout": {
            "xaxis": xaxis,
            "yaxis": {"range": [0, 1], "tickformat": ".0%"},
            "hovermode": "x unified",
            "showlegend": False,
            "annotations": _labels(tokens, shares, names, ordered, log),
        },
        "table": {"columns": ["tokens", *names], "rows": rows},
        "alt": alt,
    }
