"""What every template knows: the actor, their project and the others they may switch to."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from chimera.projects import selectors


def current_project(request: HttpRequest) -> dict[str, Any]:
    """`actor`, `project` and `projects` (lazy: no query unless a template looks)."""
    actor = getattr(request, "actor", None)
    if not actor:
        return {"actor": None, "project": None, "projects": []}
    return {"actor": actor, "project": actor.project, "projects": selectors.projects_of(actor.user)}
