"""Evaluate: reports, tasks and suites of a project."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from chimera.projects.request import actor_of
from eval_app.selectors import evaluations, tasks


@require_GET
def evaluate(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    rows = tasks.task_rows(actor)
    context = {
        "page": Paginator(evaluations.reports(actor), 25).get_page(request.GET.get("page")),
        "tasks": rows,
        "ready": sum(row.ready for row in rows),
        "suites": tasks.suite_rows(rows),
    }
    return render(request, "eval/evaluate.html", context)
