"""The actor of a request, typed."""

from __future__ import annotations

from django.http import HttpRequest

from chimera.projects.access import Actor


def actor_of(request: HttpRequest) -> Actor:
    """The signed-in user acting in their current project (CurrentProjectMiddleware has put it there)."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor
