"""What a schedule shows when, beside its mixture: the length of its rows, the rank of what they hold."""

from __future__ import annotations

from typing import Any

Figure = dict[str, Any]
TOKENS = {"title": {"text": "tokens"}, "rangemode": "tozero"}


def lengths(facts: dict[str, Any]) -> Figure:
    """The length of rows over tokens, from `facts["lengths"]`: tokens, length."""
    found = facts["lengths"]
    line = {
        "type": "scatter", "mode": "lines", "name": "length", "x": found["tokens"], "y": found["length"],
        "line": {"width": 2, "shape": "hv"}, "hovertemplate": "%{y} tokens",
    }  # fmt: skip
    return {
        "data": [line],
        "layout": {"xaxis": TOKENS, "yaxis": {"title": {"text": "tokens of a row"}, "rangemode": "tozero"}},
        "table": {"columns": ["tokens", "length"], "rows": _rows(found["tokens"], found["length"])},
        "alt": f"Length of rows over tokens, from {found['length'][0]} to {found['length'][-1]}",
    }


def ranks(facts: dict[str, Any]) -> Figure:
    """Ranks of what is shown: median with the band from the 10th to the 90th percentile, and what may be shown."""
    found = facts.get("pacing") or facts["quality"]
    tokens = found["tokens"]
    data = [*_band(tokens, found["low"], found["high"]), _line(tokens, found["middle"], "median shown", 1)]
    columns, rows = ["tokens", "10th percentile", "median", "90th percentile"], [tokens, *_percentiles(found)]
    border = _border(found)
    if border is not None:
        data.append({**_line(tokens, border, "allowed", 2), "line": {"width": 2, "dash": "dot", "color": "--series-2"}})
        columns, rows = [*columns, "allowed"], [*rows, border]
    word = "difficulty" if "pacing" in facts else "quality"
    return {
        "data": data,
        "layout": {
            "xaxis": TOKENS,
            "yaxis": {"title": {"text": f"rank by {word}"}, "range": [-0.02, 1.02], "tickformat": ".0%"},
            "showlegend": True,
        },
        "table": {"columns": columns, "rows": _rows(*rows)},
        "alt": f"Rank by {word} of what is shown over tokens: median and the middle four fifths",
    }


def distribution(facts: dict[str, Any]) -> Figure:
    """How difficulty or quality is distributed over the pool; marked: what may be shown at a quarter, half, ..."""
    word = "difficulty" if "pacing" in facts else "quality"
    found = facts.get("pacing") or facts["quality"]
    share, value = found["distribution"]["share"], found["distribution"]["value"]
    line = {**_line(value, share, "share of the pool", 1), "hovertemplate": "%{y:.0%} at or below %{x:.3f}"}
    return {
        "data": [line, *_opened(found)],
        "layout": {
            "xaxis": {"title": {"text": word}},
            "yaxis": {"title": {"text": "share of the pool"}, "range": [-0.02, 1.04], "tickformat": ".0%"},
        },
        "table": {"columns": [word, "share"], "rows": _rows(value, share)},
        "alt": f"Cumulative distribution of {word} over the pool",
    }


def _border(found: dict[str, Any]) -> list[float] | None:
    """The highest rank that may be shown, of the reverse the lowest; the control's difficulty is random."""
    preset = found.get("preset")
    if preset not in ("easy_to_hard", "hard_to_easy"):
        return None
    return found["allowed"] if preset == "easy_to_hard" else [round(1 - share, 4) for share in found["allowed"]]


def _opened(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Where the border stands at the start, after a quarter, half and three quarters of the tokens."""
    border = _border(found)
    if border is None:
        return []
    share, value = found["distribution"]["share"], found["distribution"]["value"]
    places = [round(part * (len(border) - 1)) for part in (0, 0.25, 0.5, 0.75)]
    index = [min(range(len(share)), key=lambda at, c=border[place]: abs(share[at] - c)) for place in places]  # type: ignore[misc]
    return [
        {
            "type": "scatter", "mode": "markers+text", "name": "allowed", "x": [value[at] for at in index],
            "y": [share[at] for at in index], "text": ["start", "25 %", "50 %", "75 %"], "textposition": "bottom right",
            "marker": {"size": 8, "color": "--series-2"},
            "hovertemplate": "%{text} of the tokens: %{y:.0%} of the pool<extra></extra>",
        }
    ]  # fmt: skip


def _percentiles(found: dict[str, Any]) -> list[list[float]]:
    return [found[name] for name in ("low", "middle", "high")]


def _line(x: list[float], y: list[float], name: str, series: int) -> dict[str, Any]:
    line = {"width": 2, "color": f"--series-{series}"}
    return {"type": "scatter", "mode": "lines", "name": name, "x": x, "y": y, "line": line, "hovertemplate": "%{y:.0%}"}


def _band(x: list[float], low: list[float], high: list[float]) -> list[dict[str, Any]]:
    bare = {"type": "scatter", "mode": "lines", "x": x, "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    filled = {"fill": "tonexty", "fillcolor": "--series-1/0.2", "name": "10th to 90th percentile", "showlegend": True}
    return [{**bare, "y": low}, {**bare, "y": high, **filled}]


def _rows(*columns: list[float]) -> list[list[float]]:
    return [list(row) for row in zip(*columns, strict=True)]
