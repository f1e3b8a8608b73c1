"""Mixture over tokens: what a schedule planned and what its order delivers."""

from __future__ import annotations

from typing import Any

import numpy as np

from curriculum_app.core.mixture_curve import Float, MixtureCurve

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
WINDOWS = 48


def cumulative(report: dict[str, Any], curve: MixtureCurve, *, log: bool, ordered: bool) -> Figure:
    """Shares of all tokens delivered so far, stacked, with the planned borders between groups as dashed lines."""
    tokens, delivered, planned = _points(report)
    shares, borders = _shares(delivered), np.cumsum(_shares(planned), axis=1)[:, :-1]
    data = _areas(tokens, shares, curve.names, ordered) + _borders(tokens, borders, "planned")
    return _figure(data, curve.names, tokens, shares, log, "Share of all tokens delivered so far; dotted: planned")


def moment(report: dict[str, Any], curve: MixtureCurve, *, log: bool, ordered: bool) -> Figure:
    """Shares at each moment: the curve stacked, and as dotted borders what the order delivers in windows around it."""
    tokens, delivered, _ = _points(report)
    planned = curve.at(tokens)
    middle, windows = _windows(tokens, delivered, log)
    borders = np.cumsum(windows, axis=1)[:, :-1]
    data = _areas(tokens, planned, curve.names, ordered) + _borders(middle, borders, "delivered")
    return _figure(data, curve.names, tokens, planned, log, "Planned share of tokens at each moment; dotted: delivered")


def _points(report: dict[str, Any]) -> tuple[Float, Float, Float]:
    points = report["points"]
    return tuple(np.asarray(points[name], dtype=np.float64) for name in ("tokens", "delivered", "planned"))  # type: ignore[return-value]


def _shares(counts: Float) -> Float:
    shares: Float = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-12)
    return shares


def _windows(tokens: Float, delivered: Float, log: bool) -> tuple[Float, Float]:
    """Shares delivered between neighbouring edges, with the middle of each window in tokens."""
    scale = np.geomspace(max(tokens[0], 1), tokens[-1], WINDOWS) if log else np.linspace(tokens[0], tokens[-1], WINDOWS)
    at = np.unique(np.searchsorted(tokens, scale).clip(0, len(tokens) - 1))
    if len(at) < 2:
        return tokens, _shares(delivered)
    middle = np.sqrt(tokens[at][1:] * tokens[at][:-1]) if log else (tokens[at][1:] + tokens[at][:-1]) / 2
    return middle, _shares(np.diff(delivered[at], axis=0))


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
            "legendgroup": word,
            "showlegend": index == 0,
            "x": x.tolist(),
            "y": column.round(5).tolist(),
            "line": {"width": 1.2, "dash": "dot", "color": "--ink"},
            "hoverinfo": "skip",
        }
        for index, column in enumerate(borders.T)
    ]


def _figure(
    data: list[dict[str, Any]], names: tuple[str, ...], tokens: Float, shares: Float, log: bool, alt: str
) -> Figure:
    xaxis = {"title": {"text": "tokens"}, "type": "log" if log else "linear", "exponentformat": "SI"}
    rows = [[int(n), *(round(float(value), 5) for value in row)] for n, row in zip(tokens, shares, strict=True)]
    return {
        "data": data,
        "layout": {
            "xaxis": xaxis,
            "yaxis": {"range": [0, 1], "tickformat": ".0%", "title": {"text": "share of tokens"}},
            "hovermode": "x unified",
            "showlegend": True,
        },
        "table": {"columns": ["tokens", *names], "rows": rows},
        "alt": alt,
    }
