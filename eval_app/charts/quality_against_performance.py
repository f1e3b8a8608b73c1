"""What models reach on each group of a grouping at equal tokens, and which share of all tokens the group holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eval_app.core.study_templates import QuantileAxis
from eval_app.core.verdicts.verdict import Verdict


def quality_against_performance(axis: QuantileAxis, verdict: Verdict, tokens: Mapping[str, int]) -> dict[str, Any]:
    """A figure of a quantile study; `tokens` by group, of the whole corpus."""
    means, total = {arm.name: arm for arm in verdict.arms}, sum(tokens.values()) or 1
    intervals = {each.arm: each.interval for each in verdict.comparisons}
    groups = [group for _, group in axis.arms]
    scores = [means[arm].mean if arm in means else None for arm, _ in axis.arms]
    low = [i.mean - i.low if (i := intervals.get(arm)) else 0.0 for arm, _ in axis.arms]
    high = [i.high - i.mean if (i := intervals.get(arm)) else 0.0 for arm, _ in axis.arms]
    shares = [tokens.get(group, 0) / total for group in groups]
    baseline = means[verdict.baseline].mean
    data: list[dict[str, Any]] = [
        {
            "type": "bar", "name": "share of all tokens", "x": groups, "y": shares, "yaxis": "y2",
            "marker": {"color": "--series-3"}, "opacity": 0.35,
        },
        {
            "type": "scatter", "mode": "lines+markers", "name": verdict.unit, "x": groups, "y": scores,
            "error_y": {"type": "data", "array": high, "arrayminus": low, "color": "--series-1"},
            "line": {"color": "--series-1", "width": 2.5}, "marker": {"size": 8, "color": "--series-1"},
        },
        {
            "type": "scatter", "mode": "lines", "name": verdict.baseline, "x": groups, "y": [baseline] * len(groups),
            "line": {"color": "--muted", "width": 1.5, "dash": "dash"},
        },
    ]  # fmt: skip
    return {
        "data": data,
        "layout": {
            "xaxis": {"title": {"text": axis.grouping}, "type": "category"},
            "yaxis": {"title": {"text": verdict.unit}},
            "yaxis2": {
                "overlaying": "y",
                "side": "right",
                "tickformat": ".0%",
                "rangemode": "tozero",
                "showgrid": False,
            },
            "showlegend": True,
        },
        "table": {
            "columns": [axis.grouping, "arm", verdict.unit, "share of all tokens"],
            "rows": [
                [group, arm, score, share] for (arm, group), score, share in zip(axis.arms, scores, shares, strict=True)
            ],
        },
        "alt": f"{verdict.unit} of models trained on one group of {axis.grouping} each, at equal tokens.",
    }
