"""Evaluations: one report with its held-out text and its tasks."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from chimera.projects.request import actor_of
from eval_app.selectors import evaluations as selectors


@require_GET
def evaluation_detail(request: HttpRequest, pk: int) -> HttpResponse:
    report = selectors.report_get(actor_of(request), pk)
    context = {
        "report": report,
        "held_out": selectors.held_out(report),
        "task_scores": report.task_scores.all(),
        "missing": report.manifest.get("missing", {}),
    }
    return render(request, "eval/evaluation_detail.html", context)
