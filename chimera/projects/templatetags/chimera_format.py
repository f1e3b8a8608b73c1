"""`{% load chimera_format %}`: numbers, hashes, problems and small inline SVG for templates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from chimera import format as text

register = template.Library()

register.filter("compact", text.compact)
register.filter("bytes", text.byte_size)
register.filter("grouped", text.grouped)
register.filter("plain", text.plain)
register.filter("figures", text.figures)
register.filter("fixed", text.fixed)
register.filter("signed", text.signed)
register.filter("percent", text.percent)
register.filter("duration", text.duration)
register.filter("short_hash", text.short_hash)


@register.filter
def tokens(value: float | None) -> str:
    """A number of tokens: "1.05 M tokens"."""
    return text.compact(value, "tokens")


@register.filter
def share_of(part: float | None, whole: float | None) -> float | None:
    """`part / whole`, or None when there is no whole."""
    return None if part is None or not whole else part / whole


@register.filter
def item(mapping: Any, key: Any) -> Any:
    """`mapping[key]`, or None."""
    return mapping.get(key) if hasattr(mapping, "get") else None


@register.simple_tag
def hash_of(digest: str) -> SafeString:
    """A short hash whose tooltip is the whole one."""
    return format_html('<code class="hash" title="{}">{}</code>', digest, text.short_hash(digest))


@register.simple_tag
def bar(fraction: float | None, of: float | None = None, label: str = "") -> SafeString:
    """A horizontal bar: `fraction` filled from the left; `of` ≥ fraction draws what was lost behind it."""
    kept = min(max(fraction or 0.0, 0.0), 1.0) * 100
    whole = min(max(of or 0.0, 0.0), 1.0) * 100
    lost = format_html(
        '<rect class="loss" x="{}" width="{}" height="10"/>', f"{kept:.2f}", f"{max(whole - kept, 0):.2f}"
    )
    return format_html(
        '<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<rect width="{}" height="10"/>{}</svg>',
        label or text.percent(fraction), f"{kept:.2f}", lost,
    )  # fmt: skip


@register.simple_tag
def sparkline(values: Sequence[float | None], label: str = "trend") -> SafeString:
    """A small line over equally spaced values with a dot at the last one; gaps where a value is missing."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return SafeString("")
    low, high = min(known), max(known)
    step = 92 / (len(values) - 1)

    def place(index: int, value: float) -> tuple[str, str]:
        level = (value - low) / (high - low) if high > low else 0.5
        return f"{2 + index * step:.1f}", f"{20 - 18 * level:.1f}"

    points = [place(index, value) for index, value in enumerate(values) if value is not None]
    line = format_html_join(" ", "{},{}", points)
    return format_html(
        '<svg class="spark" viewBox="0 0 96 22" role="img" aria-label="{}">'
        '<polyline points="{}"/><circle cx="{}" cy="{}" r="2"/></svg>',
        label, line, *points[-1],
    )  # fmt: skip


@register.simple_tag
def whisker(value: float, low: float, high: float, chance: float | None = None) -> SafeString:
    """A share from 0 to 1 as a dot with its interval; `chance` is an upright line, and grey is what holds it."""
    said = f"{value:.3f}, 95 % interval {low:.3f} to {high:.3f}" + ("" if chance is None else f", chance {chance:.2f}")
    guessed = " is-chance" if chance is not None and low <= chance <= high else ""
    line = '<line class="chance" x1="{0}" x2="{0}" y1="2" y2="16"/>'
    return format_html(
        '<svg class="whisker{}" viewBox="0 0 160 18" role="img" aria-label="{}">'
        '<line class="axis" x1="4" x2="156" y1="9" y2="9"/>{}'
        '<line class="range" x1="{}" x2="{}" y1="9" y2="9"/><circle cx="{}" cy="9" r="3.5"/></svg>',
        guessed, said, "" if chance is None else format_html(line, _along(chance)),
        _along(low), _along(high), _along(value),
    )  # fmt: skip


def _along(share: float) -> str:
    """A place on the line of a whisker, which goes from 4 to 156."""
    return f"{4 + 152 * min(max(share, 0.0), 1.0):.1f}"
