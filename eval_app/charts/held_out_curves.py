"""Held-out bits per byte over tokens: every run thin, the mean over seeds thick, arm by arm."""

from __future__ import annotations

from typing import Any

from eval_app.core.report.curves import Curve, Curves, mean_curve


def held_out_curves(curves: Curves, arms: list[str]) -> dict[str, Any]:
    """A figure of `selectors.studies.held_out_curves`. The mean is drawn only at tokens that every seed has logged."""
    data: list[dict[str, Any]] = []
    rows: list[list[Any]] = []
    for place, arm in enumerate(arms, start=1):
        seeds = curves.get(arm, {})
        data.extend(_member(arm, seed, curve, place) for seed, curve in sorted(seeds.items()))
        mean = mean_curve(seeds)
        if mean:
            data.append(_mean_trace(arm, mean, place))
        rows.extend([arm, seed, tokens, value] for seed, curve in sorted(seeds.items()) for tokens, value in curve)
    return {
        "data": data,
        "layout": {
            "xaxis": {"title": {"text": "tokens"}, "type": "log"},
            "yaxis": {"title": {"text": "bits per byte"}},
            "showlegend": True,
        },
        "table": {"columns": ["arm", "seed", "tokens", "bits per byte"], "rows": rows},
        "alt": _words(curves, arms),
    }


def _member(arm: str, seed: int, curve: Curve, place: int) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": f"{arm} · seed {seed}",
        "x": [tokens for tokens, _ in curve],
        "y": [value for _, value in curve],
        "line": {"width": 1, "color": f"--series-{place}"},
        "opacity": 0.35,
        "showlegend": False,
    }


def _mean_trace(arm: str, mean: Curve, place: int) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": arm,
        "x": [tokens for tokens, _ in mean],
        "y": [value for _, value in mean],
        "line": {"width": 2.5, "color": f"--series-{place}"},
        "marker": {"size": 5, "color": f"--series-{place}"},
    }


def _words(curves: Curves, arms: list[str]) -> str:
    ends = []
    for arm in arms:
        mean = mean_curve(curves.get(arm, {}))
        if mean:
            ends.append(f"{arm} reached {mean[-1][1]:.3f} at {mean[-1][0]:,} tokens")
    return "Held-out bits per byte over tokens, mean over seeds: " + ("; ".join(ends) or "no evaluation yet") + "."
