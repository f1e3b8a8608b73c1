"""Held-out curves of all arms and seeds with their means, as SVG (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eval_app.core.report import svg

Curve = Sequence[tuple[int, float]]  # (tokens, bits per byte)
Curves = Mapping[str, Mapping[int, Curve]]  # arm → seed

WIDTH, HEIGHT = 860, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 690, 14, 356
_LABEL_GAP = 15.0


def mean_curve(seeds: Mapping[int, Curve]) -> list[tuple[int, float]]:
    """The mean over seeds, at the tokens that every seed has logged: no point that a run did not log."""
    by_seed = [dict(curve) for curve in seeds.values()]
    if not by_seed:
        return []
    shared = sorted(set.intersection(*(set(curve) for curve in by_seed)))
    return [(tokens, sum(curve[tokens] for curve in by_seed) / len(by_seed)) for tokens in shared]


def curves_svg(curves: Curves, arms: Sequence[str], unigram: float | None = None) -> str:
    """Thin: every run; thick: the mean of an arm, named at its end. Empty text where nothing was logged.

    `unigram`: what token frequencies alone reach, drawn if it lies in the range.
    """
    points = [point for seeds in curves.values() for curve in seeds.values() for point in curve if point[0] > 0]
    if not points:
        return ""
    tokens = [float(point[0]) for point in points]
    x = svg.Scale(min(tokens), max(tokens), _LEFT, _RIGHT, log=max(tokens) > 4 * min(tokens))
    y = svg.Scale(*svg.padded([point[1] for point in points]), _BOTTOM, _TOP)
    means = {arm: mean_curve(curves.get(arm, {})) for arm in arms}
    body = [*_axes(x, y), *_reference(y, unigram)]
    for place, arm in enumerate(arms):
        body += [_line(curve, x, y, f"run {svg.series_class(place)}") for curve in curves.get(arm, {}).values()]
    body += [_line(means[arm], x, y, f"mean {svg.series_class(place)}") for place, arm in enumerate(arms)]
    return svg.figure(
        "curves", "Held-out bits per byte over tokens", _words(means), WIDTH, HEIGHT, [*body, *_names(means, y)]
    )


def _axes(x: svg.Scale, y: svg.Scale) -> list[str]:
    down, across = y.ticks(), x.ticks()
    step = down[1] - down[0] if len(down) > 1 else 1.0
    parts = [svg.tag("line", class_="rule", x1=_LEFT, x2=_RIGHT, y1=y(tick), y2=y(tick)) for tick in down]
    parts += [
        svg.text(svg.number_words(tick, step), class_="tick", x=_LEFT - 7, y=y(tick) + 3.5, text_anchor="end")
        for tick in down
    ]
    parts += [
        svg.text(svg.tokens_words(tick), class_="tick", x=x(tick), y=_BOTTOM + 17, text_anchor="middle")
        for tick in across
    ]
    scale = "tokens, log scale" if x.log else "tokens"
    parts.append(svg.tag("line", class_="axis", x1=_LEFT, x2=_RIGHT, y1=_BOTTOM, y2=_BOTTOM))
    parts.append(svg.text(scale, class_="tick", x=(_LEFT + _RIGHT) / 2, y=_BOTTOM + 36, text_anchor="middle"))
    return parts


def _reference(y: svg.Scale, unigram: float | None) -> list[str]:
    if unigram is None or not y.lo <= unigram <= y.hi:
        return []
    at = y(unigram)
    return [
        svg.tag("line", class_="zero", x1=_LEFT, x2=_RIGHT, y1=at, y2=at),
        svg.text("token frequencies alone", class_="tick", x=_RIGHT, y=at - 5, text_anchor="end"),
    ]


def _line(curve: Curve, x: svg.Scale, y: svg.Scale, classes: str) -> str:
    points = [(x(tokens), y(value)) for tokens, value in curve if tokens > 0]
    if not points:
        return ""
    if len(points) == 1:
        return svg.tag("circle", class_=f"dot {classes}", cx=points[0][0], cy=points[0][1], r=3)
    return svg.tag("polyline", class_=classes, points=" ".join(f"{left:.1f},{top:.1f}" for left, top in points))


def _names(means: Mapping[str, Curve], y: svg.Scale) -> list[str]:
    """Every arm's name and last mean beside its end."""
    known = [(place, arm, curve[-1][1]) for place, (arm, curve) in enumerate(means.items()) if curve]
    tops = svg.spread([y(last) for _, _, last in known], _LABEL_GAP, _TOP, _BOTTOM)
    parts = []
    for (place, arm, last), top in zip(known, tops, strict=True):
        parts.append(svg.tag("path", class_=f"lead {svg.series_class(place)}", d=_lead(y(last), top)))
        words = f"{_short(arm)} {svg.number_words(last, 0.001)}"
        parts.append(svg.text(words, class_=f"name {svg.series_class(place)}", x=_RIGHT + 20, y=top + 4))
    return parts


def _lead(end: float, label: float) -> str:
    return f"M{_RIGHT + 3},{end:.1f} L{_RIGHT + 16},{label:.1f}"


def _short(name: str, most: int = 18) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _words(means: Mapping[str, Curve]) -> str:
    ends = [f"{arm} {curve[-1][1]:.4f} at {curve[-1][0]:,} tokens" for arm, curve in means.items() if curve]
    return "Lower is better. Means over seeds at their last shared evaluation: " + "; ".join(ends) + "."
