"""Differences of all arms from the baseline with their intervals, in the order of the leaderboard."""

from __future__ import annotations

from typing import Any

from eval_app.core.verdicts.leaderboard import leaderboard
from eval_app.core.verdicts.verdict import Verdict

COLOURS = {"better": "--ok", "worse": "--bad", "yardstick": "--muted"}


def arm_differences(verdict: Verdict) -> dict[str, Any]:
    """A figure of one verdict; the zero line is the baseline."""
    rows = [row.comparison for row in leaderboard(verdict) if row.comparison and row.comparison.interval]
    labels = [row.arm for row in rows]
    side = "left" if verdict.better == "lower" else "right"
    data = [
        {
            "type": "scatter",
            "mode": "markers",
            "name": row.word,
            "x": [row.interval.mean],
            "y": [row.arm],
            "marker": {"size": 9, "symbol": "diamond", "color": COLOURS.get(row.word, "--ink")},
            "error_x": {
                "type": "data",
                "array": [row.interval.high - row.interval.mean],
                "arrayminus": [row.interval.mean - row.interval.low],
                "color": COLOURS.get(row.word, "--ink"),
            },
            "hovertemplate": f"%{{y}}: %{{x:+.4f}} {verdict.unit} ({row.word})<extra></extra>",
        }
        for row in rows
        if row.interval is not None
    ]
    return {
        "data": data,
        "layout": {
            "xaxis": {"title": {"text": f"{verdict.unit} ({side} is better)"}, "zeroline": True},
            "yaxis": {"categoryorder": "array", "categoryarray": labels[::-1], "automargin": True},
            "showlegend": False,
        },
        "table": {
            "columns": ["arm", "difference", "low", "high", "p (Holm)", "says"],
            "rows": [
                [row.arm, i.mean, i.low, i.high, i.p_holm, row.word] for row in rows if (i := row.interval) is not None
            ],
        },
        "alt": _words(verdict),
    }


def _words(verdict: Verdict) -> str:
    counted = [f"{sum(each.word == word for each in verdict.comparisons)} {word}" for word in ("better", "worse")]
    return f"Of {len(verdict.comparisons)} arms against {verdict.baseline}, {' and '.join(counted)}."
