"""`{% panels "schedule" schedule %}`: what higher apps have to say about an object."""

from __future__ import annotations

from typing import Any

from django import template
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from chimera.jobs.kinds import resolve
from chimera.panels import Panel, panels_of

register = template.Library()


@register.simple_tag(takes_context=True)
def panels(context: dict[str, Any], slot: str, shown: Any) -> SafeString:
    """Every panel of `slot` about the object `shown`, rendered one after the other."""
    return mark_safe("".join(_rendered(context, panel, shown) for panel in panels_of(slot)))


def _rendered(context: dict[str, Any], panel: Panel, shown: Any) -> str:
    request = context["request"]
    facts = resolve(panel.selector)(request.actor, shown)
    return render_to_string(panel.template, facts, request=request) if facts else ""
