"""Differences arm minus baseline, seed by seed, with their mean and its interval."""

from __future__ import annotations

from typing import Any

from eval_app.core.verdicts.verdict import Comparison, Interval, Verdict


def paired_differences(comparison: Comparison, verdict: Verdict) -> dict[str, Any]:
    """A figure of one arm of a verdict; zero is the baseline."""
    pairs, interval, unit = comparison.seeds, comparison.interval, verdict.unit
    mean_label = f"mean, {100 * (1 - (comparison.level or verdict.alpha)):.4g} %"
    labels = [f"seed {pair.seed}" for pair in pairs]
    side = "left" if verdict.better == "lower" else "right"
    data: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "markers",
            "name": "difference of a seed",
            "x": [pair.difference for pair in pairs],
            "y": labels,
            "marker": {"size": 9},
            "hovertemplate": f"%{{y}}: %{{x:+.4f}} {unit}<extra></extra>",
        }
    ]
    if interval is not None:
        data.append(_mean(interval, mean_label, unit))
    return {
        "data": data,
        "layout": {
            "xaxis": {"title": {"text": f"{unit} ({side} is better)"}, "tickformat": "+.3f", "zeroline": True},
            "yaxis": {"categoryorder": "array", "categoryarray": [mean_label, *reversed(labels)], "automargin": True},
            "showlegend": False,
        },
        "table": {
            "columns": ["seed", comparison.arm, verdict.baseline, "difference"],
            "rows": [[pair.seed, pair.arm, pair.baseline, pair.difference] for pair in pairs],
        },
        "alt": _words(comparison, verdict),
    }


def _mean(interval: Interval, label: str, unit: str) -> dict[str, Any]:
    mean = interval.mean
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "mean",
        "x": [mean],
        "y": [label],
        "marker": {"size": 12, "symbol": "diamond", "color": "--ink"},
        "error_x": {
            "type": "data",
            "array": [interval.high - mean],
            "arrayminus": [mean - interval.low],
            "color": "--ink",
        },
        "hovertemplate": f"mean %{{x:+.4f}} {unit}<extra></extra>",
    }


def _words(comparison: Comparison, verdict: Verdict) -> str:
    fewer = sum(pair.difference < 0 for pair in comparison.seeds)
    return (
        f"{comparison.arm} had less {verdict.unit} than {verdict.baseline} at {fewer} of {len(comparison.seeds)} seeds."
    )
