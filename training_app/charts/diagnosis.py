"""Figures of a diagnosis: cosines of chunk gradients, stable rank by layer."""

from __future__ import annotations

from typing import Any

from training_app.core.diagnosis import OrderFacts

Figure = dict[str, Any]

# cividis: ordered by lightness, the same for eyes that see fewer colours.
RAMP = ("#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838")
SCALE = [[place / (len(RAMP) - 1), colour] for place, colour in enumerate(RAMP)]
BAR = {"thickness": 8, "outlinewidth": 0, "nticks": 4, "tickformat": ".3~g", "tickfont": {"color": "--muted"}}
IN_CELLS = 12  # chunks up to which every cell carries its number


def cosine_map(order: OrderFacts, bounds: tuple[float, float]) -> Figure:
    """Chunks by chunks; `bounds` of the colours are shared by the figures of one page. The diagonal is left blank."""
    count = len(order.cosines)
    names = [str(number + 1) for number in range(count)]
    cells = [[None if i == j else value for j, value in enumerate(row)] for i, row in enumerate(order.cosines)]
    trace: dict[str, Any] = {
        "type": "heatmap", "x": names, "y": names, "z": cells, "zmin": bounds[0], "zmax": bounds[1],
        "colorscale": SCALE, "hoverongaps": False, "xgap": 1, "ygap": 1,
        "colorbar": BAR,
        "hovertemplate": "<b>%{z:.5f}</b><br>chunks %{x} and %{y}<extra></extra>",
    }  # fmt: skip
    if count <= IN_CELLS:
        trace |= {"texttemplate": "%{z:.2f}", "textfont": {"size": 9}}
    low, high = order.off_diagonal.min(), order.off_diagonal.max()
    return {
        "data": [trace],
        "layout": {
            "xaxis": {"title": {"text": "chunk"}, "type": "category", "showgrid": False},
            "yaxis": {"type": "category", "autorange": "reversed", "showgrid": False},
        },
        "table": {
            "columns": ["chunk", *names],
            "rows": [[name, *row] for name, row in zip(names, order.cosines, strict=True)],
        },
        "alt": f"Cosines of the gradients of {count} chunks, {order.name}: {low:.3f} to {high:.3f}",
    }


def rank_lines(orders: list[OrderFacts]) -> Figure:
    """Mean (solid) and smallest (dotted) stable rank by layer, of the schedule and of its first shuffle."""
    shown = orders[:2]
    layers = [short(each.layer) for each in shown[0].layers]
    data = [trace for place, order in enumerate(shown) for trace in _traces(order, layers, place)]
    rows = [
        [name, *(value for order in shown for value in (order.layers[at].mean, order.layers[at].least)),
         sum(order.layers[at].zero_gradients for order in shown)]
        for at, name in enumerate(layers)
    ]  # fmt: skip
    heads = [f"{order.name}, {what}" for order in shown for what in ("mean", "smallest")]
    return {
        "data": data,
        "layout": {
            "xaxis": {"type": "category", "showgrid": False, "nticks": 24, "tickangle": -60},
            "yaxis": {"title": {"text": "stable rank"}, "rangemode": "tozero"},
            "hovermode": "x unified",
            "margin": {"b": 80},
        },
        "table": {"columns": ["layer", *heads, "zero gradients"], "rows": rows},
        "alt": f"Stable rank of batch gradients by layer, {' and '.join(order.name for order in shown)}",
    }


def _traces(order: OrderFacts, layers: list[str], place: int) -> list[dict[str, Any]]:
    colour = f"--series-{place + 1}"

    def line(what: str, dash: str, values: list[float | None]) -> dict[str, Any]:
        return {
            "type": "scatter", "mode": "lines+markers", "name": f"{order.name}, {what}", "x": layers, "y": values,
            "line": {"color": colour, "width": 1.6, "dash": dash}, "marker": {"size": 4, "color": colour},
            "hovertemplate": "%{y:.4g}",
        }  # fmt: skip

    means, leasts = ([getattr(each, what) for each in order.layers] for what in ("mean", "least"))
    return [line("mean", "solid", means), line("smallest", "dot", leasts)]


def short(layer: str) -> str:
    """`model.layers.3.mlp.up_proj` as "3 up_proj"."""
    parts = layer.split(".")
    return f"{next((part for part in parts if part.isdigit()), '')} {parts[-1]}".strip()


def bounds_of(orders: list[OrderFacts]) -> tuple[float, float]:
    """The lowest and the highest cosine of different chunks over all orders."""
    return min(float(o.off_diagonal.min()) for o in orders), max(float(o.off_diagonal.max()) for o in orders)
