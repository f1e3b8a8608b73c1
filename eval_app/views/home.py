"""Home: the flywheel, the starter study and the next sensible step."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from chimera.jobs.models import new_idempotency_key
from chimera.projects.request import actor_of
from eval_app.selectors import home as selectors
from eval_app.services.studies import start_starter


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    starter = selectors.starter_job(actor)
    context = {
        "stages": selectors.stages(actor),
        "starter": starter,
        "idempotency_key": new_idempotency_key(),
        "pipeline": selectors.pipeline(starter) if starter else [],
        "study": selectors.latest_study(actor),
        "next_step": selectors.next_step(actor),
    }
    template = "eval/_home.html" if request.headers.get("HX-Request") else "eval/home.html"
    return render(request, template, context)


@require_POST
def starter_start(request: HttpRequest) -> HttpResponse:
    """Start the starter study; a second click finds the same job by its key."""
    start_starter(actor_of(request), request.POST.get("idempotency_key", ""))
    return redirect("home")
