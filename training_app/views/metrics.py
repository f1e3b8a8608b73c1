"""The metric browser: every metric of a run, or of the runs compared, folded by prefix and charted a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from chimera.errors import InputError
from training_app.charts.run_cards import card_of
from training_app.selectors import browse
from training_app.views.request import chosen_runs, run_or_404

CHOICE = ("run", "filtered", "q", "state")  # the parameters that say which runs are compared


@require_GET
def run_metrics(request: HttpRequest, pk: int) -> HttpResponse:
    """`?metrics=held_out/*` the groups; `?metrics=…&group=held_out&page=2` a page of charts; `?names=1` JSON."""
    run = run_or_404(request, pk)
    return _answer(request, sorted(run.latest), reverse("run-metrics", args=[pk]))


@require_GET
def compare_metrics(request: HttpRequest) -> HttpResponse:
    """The same over the runs that are compared."""
    runs, _ = chosen_runs(request, "names")
    return _answer(request, browse.logged_by_all(runs), reverse("runs-compare-metrics"))


def choice_of(request: HttpRequest) -> list[tuple[str, str]]:
    """The part of the query string that says which runs are compared."""
    return [(name, value) for name in CHOICE for value in request.GET.getlist(name)]


def _answer(request: HttpRequest, keys: Sequence[str], url: str) -> HttpResponse:
    if request.GET.get("names") == "1":
        return JsonResponse({"keys": list(keys)})
    group = request.GET.get("group")
    if group is None:
        return render(request, "training/_metric_groups.html", browser(request, keys, url, unfold=False))
    wanted = request.GET.get("metrics", "")
    try:
        found = browse.matching(keys, wanted)
    except InputError:
        found = []
    page = browse.page_of_group(found, group, request.GET.get("page", "1"))
    more = _url(url, request, metrics=wanted, group=group, page=page.number + 1) if page.has_next() else ""
    left = page.paginator.count - page.end_index()
    context = {"cards": [card_of(key) for key in page], "more": more, "left": left}
    return render(request, "training/_metric_page.html", context)


def _url(url: str, request: HttpRequest, **parameters: Any) -> str:
    return f"{url}?{urlencode([*choice_of(request), *parameters.items()])}"


def browser(request: HttpRequest, keys: Sequence[str], url: str, *, unfold: bool) -> dict[str, Any]:
    """What the browser's templates need; a page that shows it from the start puts this into its context."""
    wanted, problem = request.GET.get("metrics", ""), ""
    try:
        found = browse.matching(keys, wanted)
    except InputError as error:
        found, problem = [], str(error)
    groups = browse.grouped_keys(found, unfold=unfold or bool(wanted.strip()))
    return {
        "metric_groups": [(group, _url(url, request, metrics=wanted, group=group.name)) for group in groups],
        "num_metrics": len(keys),
        "num_found": len(found),
        "metrics_url": url,
        "metrics_choice": choice_of(request),
        "metrics_wanted": wanted,
        "metrics_problem": problem,
    }
