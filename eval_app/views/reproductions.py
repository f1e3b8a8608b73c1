"""The button that runs a study again."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from chimera.errors import InputError
from chimera.jobs.kinds import page_of
from chimera.projects.request import actor_of
from eval_app.selectors.studies import study_get
from eval_app.services.reproduce import reproduce


@require_POST
def study_reproduce(request: HttpRequest, pk: int) -> HttpResponse:
    """Start it and go to the new study; a second click finds the same job by its key."""
    actor = actor_of(request)
    study = study_get(actor, pk)
    try:
        job = reproduce(actor, study, request.POST.get("idempotency_key", ""))
    except InputError as error:
        messages.error(request, str(error))
        return redirect("study-detail", pk=pk)
    return redirect(page_of(job))
