"""Two or more runs on the same axes, and what differs in their configs and curricula."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from chimera.projects.request import actor_of, crumbs
from training_app.charts.run_cards import COMPARE_CARDS, cards_with_points
from training_app.core.grouped import Band
from training_app.models import TrainingRun
from training_app.selectors import browse
from training_app.selectors import compare as selectors
from training_app.selectors.runs import HELD_OUT
from training_app.views.metrics import browser, choice_of
from training_app.views.request import chosen_runs, run_filter, run_numbers

ROWS_SHOWN = 50  # of the table of outcomes; charts draw every chosen run


@require_GET
def compare(request: HttpRequest) -> HttpResponse:
    """`?run=1&run=2&by=group&band=range&all=1`, or `?filtered=1&q=&state=`: everything is in the URL."""
    actor, (runs, asked) = actor_of(request), chosen_runs(request, "settings")
    by = _grouping(request.GET.get("by", "none"))
    band = request.GET.get("band", "range")
    logged = browse.logged_by_all(runs)
    settings = selectors.config_lines(runs)
    context = {
        "runs": runs,
        "asked": asked,
        "max_runs": selectors.MAX_RUNS,
        "filtered": request.GET.get("filtered") == "1",
        "filter": run_filter(request),
        "cards": cards_with_points(COMPARE_CARDS, logged),
        "choice": urlencode(choice_of(request)),
        "by": by,
        "band": band if band in get_args(Band) else "range",
        "settings": [line.name for line in settings if line.differs and line.name not in ("name", "seed", "group")],
        "default_x": "step" if any(run.default_axis == "step" for run in runs) else "tokens",
        "active": any(not run.job.finished for run in runs),
        "candidates": selectors.candidates(actor, [run.pk for run in runs], ""),
        "crumbs": crumbs(("Runs", reverse("runs")), ("Compare", "")),
        **_outcomes(request, runs, by),
        **_differences(request, runs, settings),
        **browser(request, logged, reverse("runs-compare-metrics"), unfold=False),
    }
    return render(request, "training/compare.html", context)


def _grouping(asked: str) -> str:
    return asked if asked in selectors.GROUPINGS or asked.startswith(selectors.BY_SETTING) else "none"


def _outcomes(request: HttpRequest, runs: Sequence[TrainingRun], by: str) -> dict[str, Any]:
    colours = selectors.group_colours(runs, by)
    shared, found = selectors.outcomes(actor_of(request), runs[:ROWS_SHOWN], HELD_OUT)
    return {
        "outcomes": [(item, colours[item.run.pk] % 8 + 1) for item in found],
        "shared_tokens": shared,
        "runs_without_row": runs[ROWS_SHOWN:],
    }


def _differences(
    request: HttpRequest, runs: Sequence[TrainingRun], settings: Sequence[selectors.ConfigLine]
) -> dict[str, Any]:
    """The two tables of differences. What differs is decided over all runs, the columns are of the first ten."""
    show_all = request.GET.get("all") == "1"
    both = (("Curriculum", "curriculum", selectors.curriculum_lines(runs)), ("Config", "config", settings))
    return {
        "columns": runs[: selectors.MAX_COLUMNS],
        "max_columns": selectors.MAX_COLUMNS,
        "tables": [
            (title, slug, [line for line in lines if show_all or line.differs], sum(not line.differs for line in lines))
            for title, slug, lines in both
        ],
        "show_all": show_all,
    }


@require_GET
def candidates(request: HttpRequest) -> HttpResponse:
    """Rows of runs that could be added, for htmx: `?find=words` and the runs already chosen."""
    found = selectors.candidates(actor_of(request), run_numbers(request), request.GET.get("find", ""))
    return render(request, "training/_candidates.html", {"candidates": found})
