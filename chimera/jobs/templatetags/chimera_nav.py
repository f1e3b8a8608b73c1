"""`{% load chimera_nav %}`: the navigation, who works, and the badge of a state."""

from __future__ import annotations

from typing import Any

from django import template
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from chimera.capabilities import capability, provided
from chimera.jobs.selectors import count_alive

register = template.Library()

# Title, URL name, and the first path segments that belong to it.
PAGES = (
    ("Home", "home", ()),
    ("Data", "data", ("data", "sequences")),
    ("Taxonomy", "taxonomy", ("taxonomy", "skills")),
    ("Curricula", "curricula", ("curricula", "schedules")),
    ("Runs", "runs", ("runs",)),
    ("Studies", "studies", ("studies",)),
    ("Evaluate", "evaluate", ("evaluate", "evaluations")),
    ("Models", "models", ("models", "checkpoints", "diagnoses")),
    ("Chat", "chat", ("chat",)),
    ("Alerts", "alerts", ("alerts",)),
    ("Jobs", "jobs", ("jobs",)),
    ("Admin", "admin:index", ("admin",)),
)

# State or word → (tone of the badge, symbol of partials/icons.html).
TONES = {
    "queued": ("wait", "queue"),
    "running": ("run", "play"),
    "paused": ("warn", "pause"),
    "cancelling": ("warn", "stop"),
    "cancelled": ("wait", "stop"),
    "succeeded": ("ok", "check"),
    "failed": ("bad", "cross"),
    "better": ("ok", "check"),
    "worse": ("bad", "cross"),
    "cannot tell": ("wait", "question"),
    "equal": ("ok", "check"),
    "not equal": ("bad", "cross"),
    "yardstick": ("wait", "dot"),
    "warning": ("warn", "warning"),
    "waiting": ("wait", "queue"),
    "ready": ("ok", "check"),
    "empty": ("wait", "dot"),
    "raw": ("wait", "dot"),
    "curated": ("ok", "check"),
    "info": ("wait", "dot"),
    "warn": ("warn", "warning"),
    "error": ("bad", "cross"),
}


@register.inclusion_tag("partials/nav.html", takes_context=True)
def navigation(context: dict[str, Any]) -> dict[str, Any]:
    """Links to the pages that exist, the current one marked."""
    request: HttpRequest = context["request"]
    head = request.path.strip("/").split("/")[0]
    pages = []
    for title, name, segments in PAGES:
        try:
            url = reverse(name)
        except NoReverseMatch:
            continue
        if name == "admin:index" and not getattr(request.user, "is_staff", False):
            continue
        current = head in segments or request.path == url
        unread = _unread(request) if name == "alerts" else 0
        pages.append({"title": title, "url": url, "current": current, "unread": unread})
    return {"pages": pages}


def _unread(request: HttpRequest) -> int:
    """Alerts that the reader has not seen; the app that knows of them stands above this one."""
    actor = getattr(request, "actor", None)
    counted: int = capability("unread-alerts")(actor) if actor and provided("unread-alerts") else 0
    return counted


@register.inclusion_tag("partials/nav_foot.html", takes_context=True)
def nav_foot(context: dict[str, Any]) -> dict[str, Any]:
    """Workers seen within a lease's time, the project (a switch if there are several), the user and the theme."""
    request: HttpRequest = context["request"]
    names = ("actor", "project", "projects", "csrf_token")
    return {name: context.get(name) for name in names} | {"alive": count_alive(), "user": request.user}


@register.inclusion_tag("partials/state_badge.html")
def state_badge(state: str, word: str = "") -> dict[str, str]:
    """Icon, word and colour of a state; `word` replaces the word."""
    tone, icon = TONES.get(state, ("wait", "dot"))
    return {"tone": tone, "icon": icon, "word": word or state}
