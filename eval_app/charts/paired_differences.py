"""Differences arm minus baseline, seed by seed, with their mean and its interval."""

from __future__ import annotations

from typing import Any


def paired_differences(comparison: dict[str, Any], baseline: str, alpha: float) -> dict[str, Any]:
    """A figure of one `Comparison` (JSON of eval_app.core.verdicts); left of zero is better than the baseline."""
    pairs, interval = comparison["seeds"], comparison["interval"]
    mean_label = f"mean, {100 * (1 - alpha):g} %"
    labels = [f"seed {pair['seed']}" for pair in pairs]
    data: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "markers",
            "name": "difference of a seed",
            "x": [pair["difference"] for pair in pairs],
            "y": labels,
            "marker": {"size": 9},
            "hovertemplate": "%{y}: %{x:+.4f} bits per byte<extra></extra>",
        }
    ]
    if interval is not None:
        data.append(_mean(interval, mean_label))
    return {
        "data": data,
        "layout": {
            "xaxis": {"title": {"text": "bits per byte (left is better)"}, "tickformat": "+.3f", "zeroline": True},
            "yaxis": {"categoryorder": "array", "categoryarray": [mean_label, *reversed(labels)], "automargin": True},
            "showlegend": False,
        },
        "table": {
            "columns": ["seed", comparison["arm"], baseline, "difference"],
            "rows": [[pair["seed"], pair["arm"], pair["baseline"], pair["difference"]] for pair in pairs],
        },
        "alt": _words(comparison, baseline),
    }


def _mean(interval: dict[str, Any], label: str) -> dict[str, Any]:
    mean = interval["mean"]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "mean",
        "x": [mean],
        "y": [label],
        "marker": {"size": 12, "symbol": "diamond", "color": "--ink"},
        "error_x": {
            "type": "data",
            "array": [interval["high"] - mean],
            "arrayminus": [mean - interval["low"]],
            "color": "--ink",
        },
        "hovertemplate": "mean %{x:+.4f} bits per byte<extra></extra>",
    }


def _words(comparison: dict[str, Any], baseline: str) -> str:
    better = sum(pair["difference"] < 0 for pair in comparison["seeds"])
    count = len(comparison["seeds"])
    return f"{comparison['arm']} had fewer bits per byte than {baseline} at {better} of {count} seeds."
