"""Evaluations: one report with its held-out text and its tasks."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from chimera.projects.request import actor_of, crumbs
from eval_app.selectors import evaluations as selectors
from eval_app.selectors.further_metrics import further_metrics
from eval_app.selectors.task_report import task_lines


@require_GET
def evaluation_detail(request: HttpRequest, pk: int) -> HttpResponse:
    report = selectors.report_get(actor_of(request), pk)
    lines = task_lines(report)
    context = {
        "report": report,
        "held_out": selectors.held_out(report),
        "lines": lines,
        "cut": [line for line in lines if line.num_cut],
        "further": further_metrics(report),
        "means": list(report.manifest.get("suite", {}).get("means", {}).values()),
        "missing": report.manifest.get("missing", {}),
        "crumbs": crumbs(("Evaluate", reverse("evaluate")), (report.uid, "")),
    }
    return render(request, "eval/evaluation_detail.html", context)
