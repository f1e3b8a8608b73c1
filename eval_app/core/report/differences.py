"""Differences to the baseline, arm by arm: every seed, the mean and its interval, as SVG (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chimera.format import signed
from eval_app.core.report import svg

WIDTH = 860
_LEFT, _RIGHT, _TOP, _ROW = 170, 690, 26, 46
_DOT_ROW, _MEAN_ROW = -9.0, 8.0  # from the middle of a row: seeds above, mean and interval below


def differences_svg(
    comparisons: Sequence[Mapping[str, Any]],
    baseline: str,
    confidence: str,
    better: str = "lower",
    unit: str = "bits per byte",
) -> str:
    """A row an arm (JSON of `eval_app.core.verdicts.verdict.Comparison`); zero is the baseline.

    `better` is "lower" or "higher". Empty text where no pair has two numbers.
    """
    values = [value for item in comparisons for value in _values(item)]
    if not values:
        return ""
    x = svg.Scale(*svg.padded([*values, 0.0]), _LEFT, _RIGHT)
    bottom = _TOP + _ROW * len(comparisons)
    body = _axis(x, bottom, better, unit)
    for place, item in enumerate(comparisons):
        body += _row(item, x, _TOP + _ROW * (place + 0.5))
    title = f"Paired differences to {baseline}, with {confidence} intervals"
    return svg.figure("differences", title, _words(comparisons, baseline, better), WIDTH, bottom + 46, body)


def _values(item: Mapping[str, Any]) -> list[float]:
    interval = item["interval"]
    ends = [interval["low"], interval["high"]] if interval else []
    return [*(pair["difference"] for pair in item["seeds"]), *ends]


def _axis(x: svg.Scale, bottom: float, better: str, unit: str) -> list[str]:
    ticks = x.ticks(8)
    step = ticks[1] - ticks[0] if len(ticks) > 1 else 1.0
    parts = []
    for tick in ticks:
        rule = "zero" if abs(tick) < step / 1e6 else "rule"
        parts.append(svg.tag("line", class_=rule, x1=x(tick), x2=x(tick), y1=_TOP - 4, y2=bottom))
        words = svg.number_words(tick, step, sign=True)
        parts.append(svg.text(words, class_="tick", x=x(tick), y=bottom + 16, text_anchor="middle"))
    below, above = ("better", "worse") if better == "lower" else ("worse", "better")
    parts.append(svg.text(f"← {below}", class_="tick", x=x(0.0) - 8, y=_TOP - 11, text_anchor="end"))
    parts.append(svg.text(f"{above} →", class_="tick", x=x(0.0) + 8, y=_TOP - 11))
    words = f"difference in {unit}"
    parts.append(svg.text(words, class_="tick", x=(_LEFT + _RIGHT) / 2, y=bottom + 36, text_anchor="middle"))
    return parts


def _row(item: Mapping[str, Any], x: svg.Scale, middle: float) -> list[str]:
    name = item["arm"] if len(item["arm"]) <= 24 else f"{item['arm'][:23]}…"
    parts = [
        svg.text(name, class_="label", x=_LEFT - 12, y=middle + 4, text_anchor="end"),
        *(
            svg.tag(
                "circle", svg.tag("title", f"seed {pair['seed']}: {signed(pair['difference'], 4)}"),
                class_="seed", cx=x(pair["difference"]), cy=middle + _DOT_ROW, r=4,
            )
            for pair in item["seeds"]
        ),
        svg.text(item["word"].removesuffix(" to compare"), class_="name", x=_RIGHT + 16, y=middle + 4),
    ]  # fmt: skip
    if item["interval"]:
        parts += _interval(item["interval"], x, middle + _MEAN_ROW)
    return parts


def _interval(interval: Mapping[str, Any], x: svg.Scale, level: float) -> list[str]:
    low, high, mean = (x(interval[name]) for name in ("low", "high", "mean"))
    diamond = f"M{mean - 6:.1f},{level:.1f} l6,-6 l6,6 l-6,6 z"
    return [
        svg.tag("line", class_="span", x1=low, x2=high, y1=level, y2=level),
        *(svg.tag("line", class_="span", x1=end, x2=end, y1=level - 5, y2=level + 5) for end in (low, high)),
        svg.tag("path", class_="diamond", d=diamond),
    ]


def _words(comparisons: Sequence[Mapping[str, Any]], baseline: str, better: str) -> str:
    said = []
    for item in comparisons:
        gains = [pair["difference"] < 0 if better == "lower" else pair["difference"] > 0 for pair in item["seeds"]]
        said.append(f"{item['arm']}: better than {baseline} at {sum(gains)} of {len(gains)} seeds, {item['word']}")
    return "; ".join(said) + "."
