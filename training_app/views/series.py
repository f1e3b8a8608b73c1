"""Series of runs as JSON for their charts and as CSV to take away."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any, get_args

from django.http import HttpRequest, JsonResponse, StreamingHttpResponse
from django.views.decorators.http import require_GET

from chimera.errors import InputError, Problem
from chimera.projects.request import actor_of
from training_app.selectors import compare as comparing
from training_app.selectors import series as selectors
from training_app.views.request import problems_json, run_or_404


@require_GET
def run_series(request: HttpRequest, pk: int) -> JsonResponse:
    """`?key=loss&key=held_out/*&x=tokens&smoothing=0.9&lo=&hi=&max_points=&log_x=1`; see `selectors.series`."""
    run = run_or_404(request, pk)
    try:
        view = selectors.view_of(request.GET)
    except InputError as error:
        return problems_json(error)
    return JsonResponse(selectors.run_series(actor_of(request), run, request.GET.getlist("key"), view))


@require_GET
def compare_series(request: HttpRequest) -> JsonResponse:
    """`?run=1&run=2&key=loss&by=group` and the parameters of a view."""
    by: Any = request.GET.get("by", "none")
    try:
        if by not in get_args(comparing.GroupBy):
            raise InputError(Problem(f"{by!r} is no grouping", field="by", hint="one of none, group, seed"))
        view = selectors.view_of(request.GET)
    except InputError as error:
        return problems_json(error)
    runs = comparing.compared_runs(actor_of(request), run_numbers(request))
    return JsonResponse(comparing.compared_series(actor_of(request), runs, request.GET.get("key", "loss"), view, by))


def run_numbers(request: HttpRequest) -> list[int]:
    """The runs named by `?run=3&run=5`; what is no number is left out."""
    return [int(text) for text in request.GET.getlist("run") if text.isdecimal() and len(text) < 19]


class _Echo:
    """A file whose write returns the line instead of keeping it."""

    def write(self, line: str) -> str:
        return line


@require_GET
def run_csv(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """All points of the wanted keys at full precision, a line per logged step."""
    run = run_or_404(request, pk)
    keys = request.GET.getlist("key") or sorted(run.latest)
    writer = csv.writer(_Echo())
    lines: Iterator[Any] = (writer.writerow(row) for row in selectors.csv_rows(actor_of(request), run, keys))
    name = f"{run.uid}{'-' + keys[0].split('/')[0] if request.GET.getlist('key') else ''}.csv"
    return StreamingHttpResponse(
        lines, content_type="text/csv", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
