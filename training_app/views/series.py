"""Series of runs as JSON for their charts, and as CSV or JSON to take away."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from typing import Any, get_args

import orjson
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.views.decorators.http import require_GET

from chimera.errors import InputError, Problem
from chimera.projects.request import actor_of
from training_app.core.grouped import Band
from training_app.models import TrainingRun
from training_app.selectors import compare as comparing
from training_app.selectors import exports
from training_app.selectors import series as selectors
from training_app.selectors.overlay import compared_series
from training_app.selectors.runs import charted_run
from training_app.views.request import chosen_runs, problems_json, run_or_404

MOST_CHARTS = 24  # of a comparison answered at once


@require_GET
def run_series(request: HttpRequest, pk: int) -> HttpResponse:
    """`?key=loss&key=held_out/*&x=tokens&smoothing=0.9&lo=&hi=&max_points=&log_x=1`; see `selectors.series`."""
    run = run_or_404(request, pk, charted_run)
    try:
        view = selectors.view_of(request.GET)
        return _json(selectors.run_series(actor_of(request), run, request.GET.getlist("key"), view))
    except InputError as error:
        return problems_json(error)


@require_GET
def compare_series(request: HttpRequest) -> HttpResponse:
    """`?run=1&run=2&key=loss&key=grad_norm&by=group&band=range` and the parameters of a view: a chart for each key."""
    by: str = request.GET.get("by", "none")
    band: Any = request.GET.get("band", "range")
    try:
        if by not in comparing.GROUPINGS and not by.startswith(comparing.BY_SETTING):
            hint = f"one of {', '.join(comparing.GROUPINGS)}, or {comparing.BY_SETTING}<name of a setting>"
            raise InputError(Problem(f"{by!r} is no grouping", field="by", hint=hint))
        if band not in get_args(Band):
            raise InputError(Problem(f"{band!r} is no band", field="band", hint=f"one of {', '.join(get_args(Band))}"))
        view, keys = selectors.view_of(request.GET), request.GET.getlist("key") or ["loss"]
        if len(keys) > MOST_CHARTS:
            hint = f"at most {MOST_CHARTS} in a request"
            raise InputError(Problem(f"{len(keys)} keys are too many", field="key", hint=hint))
    except InputError as error:
        return problems_json(error)
    runs, _ = chosen_runs(request, comparing.needed_for(by))
    return _json(compared_series(actor_of(request), runs, keys, view, by, band))


def _json(content: Any) -> HttpResponse:
    """As `JsonResponse`, several times as fast for lists of numbers."""
    return HttpResponse(orjson.dumps(content), content_type="application/json")


class _Echo:
    """A file whose write returns the line instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def _file(runs: Sequence[TrainingRun], request: HttpRequest, ending: str, lines: Iterator[str]) -> HttpResponse:
    name = exports.file_name(runs, request.GET.get("chart", ""), ending)
    kind = {"csv": "text/csv", "json": "application/json"}[ending]
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(lines, content_type=kind, headers=headers)  # type: ignore[return-value]


def _csv(rows: Iterator[list[Any]]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    return (writer.writerow(row) for row in rows)


@require_GET
def run_export(request: HttpRequest, pk: int, ending: str) -> HttpResponse:
    """All points of the wanted keys (`?key=…`, else all) at full precision; `?chart=` names the file."""
    run, actor = run_or_404(request, pk), actor_of(request)
    keys = request.GET.getlist("key") or sorted(run.latest)
    if ending == "csv":
        return _file([run], request, ending, _csv(exports.csv_rows(actor, run, keys)))
    return _file([run], request, ending, exports.json_parts(actor, [run], keys))


@require_GET
def compare_export(request: HttpRequest, ending: str) -> HttpResponse:
    """The same for several runs: `?run=1&run=2&key=loss`."""
    actor, (runs, _) = actor_of(request), chosen_runs(request)
    keys = request.GET.getlist("key") or ["loss"]
    if ending == "csv":
        return _file(runs, request, ending, _csv(exports.compared_csv_rows(actor, runs, keys)))
    return _file(runs, request, ending, exports.json_parts(actor, runs, keys))
