"""SVG as text: tags, scales and ticks for charts that need no script (pure).

Colours and strokes come from classes of `static/css/areas/report.css`; a chart has a title and a description, which
readers of screens are told.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from chimera.format import MINUS, compact

SERIES = 8  # colours; further arms get them again with another dash


def tag(name: str, *content: str, **attributes: object) -> str:
    """An element. `class_` is `class`, `text_anchor` is `text-anchor`; numbers get one decimal; content is markup."""
    said = "".join(f" {_name(key)}={quoteattr(_value(value))}" for key, value in attributes.items())
    inner = "".join(content)
    return f"<{name}{said}>{inner}</{name}>" if inner else f"<{name}{said}/>"


def text(content: str, **attributes: object) -> str:
    """A text element; its content is escaped."""
    return tag("text", escape(content), **attributes)


def _name(key: str) -> str:
    return "viewBox" if key == "viewBox" else key.rstrip("_").replace("_", "-")


def _value(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)


def figure(name: str, title: str, description: str, width: int, height: int, body: Sequence[str]) -> str:
    """A whole chart of so many units, as wide as where it stands. `name` tells it from others of the page."""
    return tag(
        "svg",
        tag("title", escape(title), id=f"{name}-title"), tag("desc", escape(description), id=f"{name}-desc"), *body,
        xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {width} {height}", role="img", class_="figure",
        aria_labelledby=f"{name}-title {name}-desc",
    )  # fmt: skip


def series_class(place: int) -> str:
    """The classes of arm `place` (from 0): a colour, and a dash once all colours are used."""
    return f"s{place % SERIES + 1} dash{place // SERIES}"


@dataclass(frozen=True)
class Scale:
    """From values in [lo, hi] to units in [start, end]; `log` for values above zero."""

    lo: float
    hi: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        lo, hi, at = (math.log(each) for each in (self.lo, self.hi, value)) if self.log else (self.lo, self.hi, value)
        share = (at - lo) / (hi - lo) if hi > lo else 0.5
        return self.start + share * (self.end - self.start)

    def ticks(self, most: int = 6) -> list[float]:
        """Round values inside the range."""
        return _log_ticks(self.lo, self.hi, most) if self.log else linear_ticks(self.lo, self.hi, most)


def padded(values: Sequence[float], share: float = 0.06) -> tuple[float, float]:
    """The range of some values with a margin; never empty."""
    lo, hi = min(values), max(values)
    margin = share * (hi - lo) or max(abs(hi) * 0.05, 1e-6)
    return lo - margin, hi + margin


def linear_ticks(lo: float, hi: float, most: int = 6) -> list[float]:
    """As many multiples of 1, 2 or 5 times a power of ten as there may be; of no range its one value."""
    if hi <= lo:
        return [lo]
    power = 10.0 ** math.floor(math.log10((hi - lo) / most))
    found: list[float] = []
    for step in (factor * power for factor in (1, 2, 5, 10, 20)):
        first, last = math.ceil(lo / step - 1e-9), math.floor(hi / step + 1e-9)
        found = [number * step for number in range(first, last + 1)]
        if len(found) <= most:
            break
    return found


def _log_ticks(lo: float, hi: float, most: int) -> list[float]:
    powers = range(math.floor(math.log10(lo)), math.ceil(math.log10(hi)) + 1)
    for factors in ((1, 2, 5), (1, 3), (1,)):
        found = [factor * 10.0**power for power in powers for factor in factors if lo <= factor * 10.0**power <= hi]
        if len(found) <= most:
            break
    return found if len(found) > 1 else linear_ticks(lo, hi, most)


def number_words(value: float, step: float, sign: bool = False) -> str:
    """A tick's label with as many decimals as its step needs, with a true minus."""
    decimals = max(0, -math.floor(math.log10(step) + 1e-9)) if step > 0 else 0
    if round(value, decimals) == 0:
        return "0"
    return f"{value:{'+' if sign else ''}.{decimals}f}".replace("-", MINUS)


def tokens_words(value: float) -> str:
    """A tick's label on an axis of tokens: 200 k."""
    return compact(value)


def spread(wanted: Sequence[float], gap: float, lo: float, hi: float) -> list[float]:
    """Places at least `gap` apart, near those that are wanted and in their order, inside [lo, hi] if they fit."""
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    places = [0.0] * len(wanted)
    below = lo - gap
    for index in order:
        below = places[index] = max(wanted[index], below + gap)
    above = hi + gap
    for index in reversed(order):
        above = places[index] = min(places[index], above - gap)
    return places
