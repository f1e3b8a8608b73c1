"""One task over tokens: the score of every kept checkpoint with its interval, beside chance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eval_app.core.task_scores import TaskScore


def task_curve(tokens: Sequence[int], scores: Sequence[TaskScore]) -> dict[str, Any]:
    """A figure. Without chance there is no second line."""
    last = scores[-1]
    data = [_scores(tokens, scores)]
    if last.chance is not None:
        data.append(_chance(tokens, last.chance))
    rows = [
        [token, score.value, score.low, score.high, score.n, "at chance" if score.at_chance else ""]
        for token, score in zip(tokens, scores, strict=True)
    ]
    return {
        "data": data,
        "layout": {
            "xaxis": {"title": {"text": "tokens"}},
            "yaxis": {"title": {"text": last.unit or last.metric}},
            "showlegend": False,
        },
        "table": {"columns": ["tokens", last.metric, "low", "high", "items", "chance"], "rows": rows},
        "alt": f"{last.task}: {last.metric} {last.value:.3f} ({last.low:.3f} to {last.high:.3f}) at {tokens[-1]:,} "
        f"tokens{', at chance' if last.at_chance else ''}; {len(tokens)} checkpoints.",
    }


def _scores(tokens: Sequence[int], scores: Sequence[TaskScore]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": scores[-1].task,
        "x": list(tokens),
        "y": [score.value for score in scores],
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [score.high - score.value for score in scores],
            "arrayminus": [score.value - score.low for score in scores],
        },
        "line": {"width": 2, "color": "--series-1"},
        "marker": {"size": 5, "color": "--series-1"},
    }


def _chance(tokens: Sequence[int], chance: float) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "chance",
        "x": [tokens[0], tokens[-1]],
        "y": [chance, chance],
        "line": {"width": 1, "dash": "dot", "color": "--series-8"},
    }
