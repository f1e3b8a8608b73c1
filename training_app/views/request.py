"""What every view of this app needs from its request."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, JsonResponse

from chimera.errors import InputError
from chimera.projects.request import actor_of
from training_app.models import TrainingRun
from training_app.selectors import runs as selectors


def run_or_404(request: HttpRequest, pk: int) -> TrainingRun:
    try:
        return selectors.get_run(actor_of(request), pk)
    except TrainingRun.DoesNotExist:
        raise Http404(f"run-{pk} does not exist in this project") from None


def problems_json(error: InputError) -> JsonResponse:
    body: dict[str, Any] = {"problems": [problem.as_json() for problem in error.problems]}
    return JsonResponse(body, status=400)
