"""What every view of this app needs from its request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpRequest, JsonResponse

from chimera.errors import InputError
from chimera.projects.access import Actor
from chimera.projects.request import actor_of
from training_app.models import TrainingRun
from training_app.selectors import compare as comparing
from training_app.selectors import runs as selectors


def run_or_404(
    request: HttpRequest, pk: int, get: Callable[[Actor, int], TrainingRun] = selectors.get_run
) -> TrainingRun:
    """The run that `get` finds in the project of whoever asks."""
    try:
        return get(actor_of(request), pk)
    except TrainingRun.DoesNotExist:
        raise Http404(f"run-{pk} does not exist in this project") from None


def problems_json(error: InputError) -> JsonResponse:
    body: dict[str, Any] = {"problems": [problem.as_json() for problem in error.problems]}
    return JsonResponse(body, status=400)


def run_numbers(request: HttpRequest) -> list[int]:
    """The runs named by `?run=3&run=5`; what is no number is left out."""
    return [int(text) for text in request.GET.getlist("run") if text.isdecimal() and len(text) < 19]


def run_filter(request: HttpRequest) -> selectors.RunFilter:
    """What `?q=&state=` narrows the runs to."""
    return selectors.RunFilter(query=request.GET.get("q", "").strip(), state=request.GET.get("state", ""))


def chosen_runs(request: HttpRequest, needed: comparing.Needed = "all") -> tuple[list[TrainingRun], int]:
    """The runs named one by one, or with `?filtered=1` all that the filter lets through; and how many were asked."""
    if request.GET.get("filtered") == "1":
        return comparing.filtered_runs(actor_of(request), run_filter(request), needed)
    asked = run_numbers(request)
    return comparing.compared_runs(actor_of(request), asked, needed), len(set(asked))
