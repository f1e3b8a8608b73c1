"""The order of a schedule to take away for other trainers: index list, manifest, tokens, and how to use them."""

from __future__ import annotations

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from chimera.projects.access import Actor
from chimera.projects.request import actor_of, crumbs, off_the_loop
from curriculum_app.core import order_export
from curriculum_app.core.schedule import Schedule as CoreSchedule
from curriculum_app.core.sequences import SequenceTable
from curriculum_app.models import Schedule
from curriculum_app.selectors import curricula as selectors
from curriculum_app.selectors import sequences

FILES = ("tokens.npy", "offsets.npy", "tokenizer.json")


@require_GET
def order(request: HttpRequest, pk: int) -> HttpResponse:
    """Which files there are and how other trainers read them."""
    row = selectors.schedule_get(actor_of(request), pk)
    core = selectors.opened(row)
    context = {
        "schedule": row,
        "here": core is not None,
        "adaptive": core is not None and core.is_adaptive,
        "whole": row.manifest.get("num_tokens") == row.manifest.get("num_rows", 0) * _length(row),
        "files": FILES,
        "crumbs": crumbs(
            ("Curricula", reverse("curricula")),
            (row.curriculum.label, reverse("curriculum-detail", args=[row.curriculum_id])),
            (f"seed {row.seed}", reverse("schedule-detail", args=[pk])),
            ("order", ""),
        ),
    }
    return render(request, "curriculum/order.html", context)


def _length(row: Schedule) -> int:
    return int(row.sequence_set.manifest["sequence_length"])


@require_GET
def index(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """One line a row: sequence, start, length, ids of its documents."""
    _, core, table = _opened(actor_of(request), pk)
    lines = off_the_loop(order_export.index_lines(core, table))
    headers = {"Content-Disposition": 'attachment; filename="index.txt"'}
    return StreamingHttpResponse(lines, content_type="text/plain; charset=utf-8", headers=headers)


@require_GET
def manifest(request: HttpRequest, pk: int) -> JsonResponse:
    """What the other files hold."""
    row, core, table = _opened(actor_of(request), pk)
    body = {"schedule": row.uid, "curriculum": row.curriculum.label, **order_export.manifest(core, table)}
    return JsonResponse(body, headers={"Content-Disposition": 'attachment; filename="manifest.json"'})


@require_GET
def file(request: HttpRequest, pk: int, name: str) -> FileResponse:
    """A file of the sequences as it lies in the store."""
    if name not in FILES:
        raise Http404(f"an order has no file {name}")
    _, _, table = _opened(actor_of(request), pk)
    return FileResponse((table.path / name).open("rb"), as_attachment=True, filename=name)


def _opened(actor: Actor, pk: int) -> tuple[Schedule, CoreSchedule, SequenceTable]:
    row = selectors.schedule_get(actor, pk)
    core, table = selectors.opened(row), sequences.opened(row.sequence_set)
    if core is None or table is None:
        raise Http404(f"the files of {row} are not on this machine")
    if core.is_adaptive:
        raise Http404("its order is decided during the run")
    return row, core, table
