"""What every view needs from its request: the actor, and the way back up."""

from __future__ import annotations

from django.http import HttpRequest

from chimera.projects.access import Actor


def actor_of(request: HttpRequest) -> Actor:
    """The signed-in user acting in their current project (CurrentProjectMiddleware has put it there)."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor


def crumbs(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    """Breadcrumbs from (title, url) pairs; the page itself comes last with an empty url."""
    return [{"title": title, "url": url} for title, url in pairs]
