"""Share of right items by node and checkpoint, as a heat map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eval_app.core.skills import FEW_ITEMS, SkillScore

Line = tuple[str, int, list[SkillScore | None]]


def skill_heat(lines: Sequence[Line], columns: list[str]) -> dict[str, Any]:
    """`(node, depth, scores by column)` of each measured node; a number in a cell is n where it is below 30."""
    shown = list(reversed(lines))
    return {
        "data": [
            {
                "type": "heatmap",
                "x": columns,
                "y": [f"{'  ' * depth}{name}" for name, depth, _ in shown],
                "z": [[score.value if score else None for score in scores] for _, _, scores in shown],
                "text": [[_few(score) for score in scores] for _, _, scores in shown],
                "customdata": [[_words(score) for score in scores] for _, _, scores in shown],
                "texttemplate": "%{text}",
                "hovertemplate": "%{y}<br>%{x}<br>%{customdata}<extra></extra>",
                "zmin": 0,
                "zmax": 1,
                "colorscale": "Cividis",
                "hoverongaps": False,
                "colorbar": {"title": {"text": "right"}, "thickness": 12},
            }
        ],
        "layout": {"yaxis": {"automargin": True}, "xaxis": {"automargin": True, "type": "category"}},
        "table": {
            "columns": ["node", *columns],
            "rows": [[name, *(_words(score) for score in scores)] for name, _, scores in lines],
        },
        "alt": f"Share of right items of {len(lines)} nodes at {len(columns)} checkpoints.",
    }


def _few(score: SkillScore | None) -> str:
    return f"n {score.n}" if score and score.n < FEW_ITEMS else ""


def _words(score: SkillScore | None) -> str:
    if score is None:
        return "not measured"
    chance = ", at chance" if score.at_chance else ""
    return f"{score.value:.3f} ({score.low:.3f} to {score.high:.3f}, n {score.n}{chance})"
