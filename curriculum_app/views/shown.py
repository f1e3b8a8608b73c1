"""Charts of what a schedule shows when, from the facts that its policy left."""

from __future__ import annotations

from django.http import Http404, HttpRequest, JsonResponse
from django.views.decorators.http import require_GET

from chimera.projects.request import actor_of
from curriculum_app.charts import shown
from curriculum_app.selectors import curricula as selectors

CHARTS = {
    "lengths": (shown.lengths, ("lengths",)),
    "ranks": (shown.ranks, ("pacing", "quality")),
    "distribution": (shown.distribution, ("pacing", "quality")),
}


@require_GET
def chart(request: HttpRequest, pk: int, name: str) -> JsonResponse:
    """The figure `lengths`, `ranks` or `distribution` of a schedule whose policy left what it draws."""
    facts = selectors.schedule_get(actor_of(request), pk).manifest.get("facts", {})
    draw, needs = CHARTS.get(name, (None, ()))
    if draw is None or not any(key in facts for key in needs):
        raise Http404("this schedule has no such chart")
    return JsonResponse(draw(facts))
