"""Two or more runs on the same axes, and what differs in their configs."""

from __future__ import annotations

from typing import Any, get_args

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from chimera.projects.request import actor_of, crumbs
from training_app.charts.run_cards import COMPARE_CARDS
from training_app.selectors import compare as selectors
from training_app.selectors.runs import HELD_OUT
from training_app.views.series import run_numbers


@require_GET
def compare(request: HttpRequest) -> HttpResponse:
    """`?run=1&run=2&by=group&all=1`: everything is in the URL."""
    actor, asked = actor_of(request), run_numbers(request)
    runs = selectors.compared_runs(actor, asked)
    shared, outcomes = selectors.outcomes(actor, runs, HELD_OUT)
    lines = selectors.config_lines(runs)
    by: Any = request.GET.get("by", "none")
    by = by if by in get_args(selectors.GroupBy) else "none"
    show_all = request.GET.get("all") == "1"
    logged = {key for run in runs for key in run.latest}
    context = {
        "runs": runs,
        "capped": len(set(asked)) > selectors.MAX_RUNS,
        "max_runs": selectors.MAX_RUNS,
        "candidates": selectors.candidates(actor, runs),
        "cards": [card for card in COMPARE_CARDS if card.patterns[0] in logged],
        "by": by,
        "outcomes": [(item, selectors.group_colours(runs, by)[item.run.pk] % 8 + 1) for item in outcomes],
        "shared_tokens": shared,
        "lines": [line for line in lines if show_all or line.differs],
        "num_equal": sum(not line.differs for line in lines),
        "show_all": show_all,
        "active": any(not run.job.finished for run in runs),
        "crumbs": crumbs(("Runs", reverse("runs")), ("Compare", "")),
    }
    return render(request, "training/compare.html", context)
