"""One checkpoint: facts, scores, lineage, files."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from chimera.projects.request import actor_of, crumbs
from training_app.models import Checkpoint
from training_app.selectors import runs as selectors
from training_app.selectors.checkpoints import checkpoint_facts


@require_GET
def checkpoint_detail(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        row = selectors.get_checkpoint(actor_of(request), pk)
    except Checkpoint.DoesNotExist:
        raise Http404(f"checkpoint-{pk} does not exist in this project") from None
    trail = [("Runs", reverse("runs"))]
    if row.run is not None:
        trail.append((row.run.name, reverse("run-detail", args=[row.run.pk])))
    context = {"checkpoint": row, "facts": checkpoint_facts(row), "crumbs": crumbs(*trail, (row.uid, ""))}
    return render(request, "training/checkpoint.html", context)
