"""`request.actor`: the user acting in their current project, once per request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import SimpleLazyObject

from chimera.projects import selectors
from chimera.projects.access import Actor

SESSION_KEY = "project"
_WITHOUT_PROJECT = {"login", "logout", "project-switch"}


class CurrentProjectMiddleware:
    """Sets `request.actor` (None for an anonymous user or one without a project)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.actor = SimpleLazyObject(lambda: _actor(request))  # type: ignore[attr-defined]
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        """Pages of a project need one: a member of none is told so instead of meeting an error."""
        match = request.resolver_match
        if match is None or match.app_names or match.url_name in _WITHOUT_PROJECT or not request.user.is_authenticated:
            return None
        actor = _actor(request)
        request.actor = actor  # type: ignore[attr-defined]
        return None if actor else render(request, "projects/none.html", status=403)


def _actor(request: HttpRequest) -> Actor | None:
    if not request.user.is_authenticated:
        return None
    return selectors.current_actor(request.user, request.session.get(SESSION_KEY))
