"""What every view of this app needs from its request."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, JsonResponse

from chimera.errors import InputError
from chimera.projects.access import Actor
from training_app.models import TrainingRun
from training_app.selectors import runs as selectors


def actor_of(request: HttpRequest) -> Actor:
    """The actor that the middleware has set; pages of a project are not reached without one."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor


def run_or_404(request: HttpRequest, pk: int) -> TrainingRun:
    try:
        return selectors.get_run(actor_of(request), pk)
    except TrainingRun.DoesNotExist:
        raise Http404(f"run-{pk} does not exist in this project") from None


def crumbs(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    """Breadcrumbs from (title, url) pairs; the page itself comes last with an empty url."""
    return [{"title": title, "url": url} for title, url in pairs]


def problems_json(error: InputError) -> JsonResponse:
    body: dict[str, Any] = {"problems": [problem.as_json() for problem in error.problems]}
    return JsonResponse(body, status=400)
