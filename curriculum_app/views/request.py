"""The two things every view of this app needs from its request."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from chimera.projects.access import Actor


def actor_of(request: HttpRequest) -> Actor:
    """The actor that the middleware has set; pages of a project are not reached without one."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor


def crumbs(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    """Breadcrumbs from (title, url) pairs; the page itself comes last with an empty url."""
    return [{"title": title, "url": url} for title, url in pairs]


def page_or_dialog(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """`form_page.html` around the template, or a dialog with it when htmx asked from another page."""
    shell = "partials/dialog.html" if request.headers.get("HX-Request") else "partials/form_page.html"
    return render(request, shell, {**context, "body": template})
