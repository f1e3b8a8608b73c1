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
    unigram = report.manifest.get("unigram", {})
    rows = [(domain, report.scores.get(f"held_out/{domain}"), value) for domain, value in unigram.items()]
    context = {
        "report": report,
        "rows": rows,
        "macro": report.scores.get("held_out/macro"),
        "task_scores": report.task_scores.all(),
        "missing": report.manifest.get("missing", {}),
    }
    return render(request, "eval/evaluation_detail.html", context)
