"""When each skill emerged over the tokens of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eval_app.core.skills import Emergence


def emergence_chart(found: Sequence[Emergence]) -> dict[str, Any]:
    """A thin line while a skill was looked for, a thick one since it is there, a dot where it came."""
    names = [each.name for each in found]
    data: list[dict[str, Any]] = [_line(each) for each in found] + [
        _since(each) for each in found if each.at is not None
    ]
    came = [each for each in found if each.at is not None]
    data.append(
        {
            "type": "scatter",
            "mode": "markers",
            "name": "emerged",
            "x": [each.at for each in came],
            "y": [each.name for each in came],
            "marker": {"size": 10, "color": "--series-1"},
            "hovertemplate": "%{y} at %{x:,} tokens<extra></extra>",
        }
    )
    return {
        "data": data,
        "layout": {
            "xaxis": {"title": {"text": "tokens"}, "type": "log"},
            "yaxis": {"categoryorder": "array", "categoryarray": list(reversed(names)), "automargin": True},
            "showlegend": False,
        },
        "table": {
            "columns": ["skill", "measured by", "emerged at (tokens)", "looked at from", "to"],
            "rows": [
                [each.name, each.how, each.at if each.at is not None else "not yet", each.first, each.last]
                for each in found
            ],
        },
        "alt": "; ".join(f"{each.name} {'not yet' if each.at is None else f'at {each.at:,} tokens'}" for each in found)
        or "Nothing was measured.",
    }


def _line(each: Emergence) -> dict[str, Any]:
    return _stretch(each, max(each.first, 1), each.last, 1.5, "--muted")


def _since(each: Emergence) -> dict[str, Any]:
    return _stretch(each, max(each.at or 1, 1), each.last, 6, "--series-1/0.5")


def _stretch(each: Emergence, start: int, end: int, width: float, colour: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [start, end],
        "y": [each.name, each.name],
        "line": {"width": width, "color": colour},
        "hoverinfo": "skip",
    }
