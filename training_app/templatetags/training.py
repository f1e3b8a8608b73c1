"""`{% load training %}`: stored metric values for templates."""

from __future__ import annotations

from django import template

register = template.Library()


@register.filter
def number(value: float | str | None) -> float | None:
    """A value of `latest` or `best`: non-finite ones are stored as words; None if absent."""
    return None if value is None or value == "" else float(value)
