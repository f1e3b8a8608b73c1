"""F1 of the classifiers of a theme over the number of labels they were trained on."""

from __future__ import annotations

from typing import Any


def learning_curve(manifests: list[dict[str, Any]]) -> dict[str, Any]:
    """One point per classifier, oldest first, with the 95 % interval of its F1 on held-out labels."""
    points = sorted(((_labels(item), item["measured"]) for item in manifests), key=lambda point: point[0])
    x, f1 = [labels for labels, _ in points], [measured["f1"] for _, measured in points]
    above = [measured["f1_high"] - measured["f1"] for _, measured in points]
    below = [measured["f1"] - measured["f1_low"] for _, measured in points]
    trace = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": "F1",
        "x": x,
        "y": f1,
        "error_y": {"type": "data", "symmetric": False, "array": above, "arrayminus": below},
    }
    layout = {"xaxis": {"title": {"text": "training labels"}}, "yaxis": {"title": {"text": "F1"}, "range": [0, 1.05]}}
    rows = [[labels, m["f1"], m["f1_low"], m["f1_high"], m["n"]] for labels, m in points]
    columns = ["training labels", "F1", "low", "high", "held-out labels"]
    table = {"columns": columns, "rows": rows}
    last = f"; the latest is {f1[-1]:.2f}" if f1 else ""
    return {"data": [trace], "layout": layout, "table": table, "alt": f"F1 of {len(points)} classifiers{last}"}


def _labels(manifest: dict[str, Any]) -> int:
    return sum(manifest["counts"]["training"].values())
