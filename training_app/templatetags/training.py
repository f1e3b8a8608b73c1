"""`{% load training %}`: stored metric values for templates."""

from __future__ import annotations

from django import template

from chimera.format import NOTHING

register = template.Library()


@register.filter
def number(value: float | str | None) -> float | None:
    """A value of `latest` or `best`: non-finite ones are stored as words; None if absent."""
    return None if value is None or value == "" else float(value)


@register.filter
def measured(value: float | None) -> str:
    """Five significant digits, trailing zeros kept so that a column lines up: 5.3500, 4.1492, 28558."""
    return NOTHING if value is None else f"{value:#.5g}".rstrip(".")
