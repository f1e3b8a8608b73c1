"""Curricula and schedules: what was planned, what the order delivers, and the order itself to take away."""

from __future__ import annotations

import json

from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from chimera.projects.access import Actor
from chimera.projects.request import actor_of, crumbs
from curriculum_app.charts import mixture, mixture_difference
from curriculum_app.core.mixture_curve import MixtureCurve
from curriculum_app.core.schedule import Schedule as CoreSchedule
from curriculum_app.core.tracks import Tracks
from curriculum_app.models import Curriculum, Schedule
from curriculum_app.selectors import curricula as selectors
from curriculum_app.selectors import designs
from curriculum_app.selectors.curriculum_lineage import curriculum_graph
from curriculum_app.selectors.plan_facts import plan_facts
from curriculum_app.selectors.schedule_phases import phase_lines

PAGE = 50
CHARTS = ("moment", "cumulative")


@require_GET
def curricula(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    page = Paginator(selectors.curricula(actor), PAGE).get_page(request.GET.get("page"))
    rows = [(row, selectors.policy_facts(row.policy, row.config)) for row in page]
    return render(request, "curriculum/curricula.html", {"page": page, "rows": rows, "can_edit": actor.can_edit})


@require_GET
def curriculum(request: HttpRequest, pk: int) -> HttpResponse:
    """A curriculum with its versions and schedules; the newest schedule is drawn."""
    actor = actor_of(request)
    row = selectors.curriculum_get(actor, pk)
    page = Paginator(selectors.schedules_of(row), PAGE).get_page(request.GET.get("page"))
    newest = page.object_list[0] if page.paginator.count else None
    context = {
        "row": row,
        "facts": selectors.policy_facts(row.policy, row.config),
        "versions": selectors.versions_of(row),
        "graph": curriculum_graph(row),
        "others": selectors.others(row),
        "page": page,
        "newest": newest,
        "schedule_config": json.dumps(designs.schedule_config(row)),
        "can_edit": actor.can_edit,
        "crumbs": crumbs(("Curricula", reverse("curricula")), (row.label, "")),
    }
    if newest is not None:
        context |= _drawn(request, selectors.schedule_get(actor, newest.pk))
    elif designs.mixture_of(row) is not None:
        context |= {"planned": True, "axis": "linear" if request.GET.get("x") == "linear" else "log"}
    return render(request, "curriculum/curriculum.html", context)


@require_GET
def planned_chart(request: HttpRequest, pk: int) -> JsonResponse:
    """What a curriculum plans on the data it was designed on; `?x=linear` for a linear axis."""
    row = selectors.curriculum_get(actor_of(request), pk)
    found = designs.mixture_of(row)
    if found is None:
        raise Http404(f"the mixture of {row.label} is not known")
    shown = found.at > 0
    ordered, log = found.grouping == "difficulty", request.GET.get("x") != "linear"
    tokens = found.at[shown] * found.budget
    return JsonResponse(mixture.planned(found.names, tokens, found.shares[shown], log=log, ordered=ordered))


@require_GET
def difference(request: HttpRequest, pk: int) -> HttpResponse:
    """What differs between two curricula, `?with=<pk>`: settings, and both mixtures over each other."""
    left, right = _pair(request, pk)
    context = {
        "left": left,
        "right": right,
        "right_pk": str(right.pk),
        "sub": f"{left.label} solid, {right.label} dashed",
        "can_edit": actor_of(request).can_edit,
        "differences": selectors.differences(left, right),
        "axis": "linear" if request.GET.get("x") == "linear" else "log",
        "unknown": [row for row in (left, right) if designs.mixture_of(row) is None],
        "crumbs": crumbs(
            ("Curricula", reverse("curricula")),
            (left.label, reverse("curriculum-detail", args=[pk])),
            ("difference", ""),
        ),
    }
    return render(request, "curriculum/difference.html", context)


@require_GET
def difference_chart(request: HttpRequest, pk: int) -> JsonResponse:
    """The figure of both mixtures, `?with=<pk>`; `&x=linear` for a linear axis."""
    drawn = []
    for row in _pair(request, pk):
        found = designs.mixture_of(row)
        if found is None:
            raise Http404(f"the mixture of {row.label} is not known")
        drawn.append((row.label, found.names, found.at, found.shares))
    return JsonResponse(mixture_difference.difference(drawn[0], drawn[1], log=request.GET.get("x") != "linear"))


def _pair(request: HttpRequest, pk: int) -> tuple[Curriculum, Curriculum]:
    actor = actor_of(request)
    left, asked = selectors.curriculum_get(actor, pk), request.GET.get("with", "")
    if not asked.isdecimal() or len(asked) > 18:
        raise Http404("name the other curriculum: ?with=<number>")
    return left, selectors.curriculum_get(actor, int(asked))


@require_GET
def schedule(request: HttpRequest, pk: int) -> HttpResponse:
    row = selectors.schedule_get(actor_of(request), pk)
    context = _drawn(request, row) | {
        "here": selectors.opened(row) is not None,
        "phases": phase_lines(row),
        "plan_facts": plan_facts(row),
        "facts": selectors.policy_facts(row.curriculum.policy, row.curriculum.config),
        "crumbs": crumbs(
            ("Curricula", reverse("curricula")),
            (row.curriculum.label, reverse("curriculum-detail", args=[row.curriculum_id])),
            (f"seed {row.seed}", ""),
        ),
    }
    return render(request, "curriculum/schedule.html", context)


def _drawn(request: HttpRequest, row: Schedule) -> dict[str, object]:
    """What the charts and the adherence card of a schedule need."""
    report = row.manifest.get("adherence") or {}
    return {
        "schedule": row,
        "train_query": selectors.train_query(row),
        "axis": "linear" if request.GET.get("x") == "linear" else "log",
        "adherence": report if report.get("points") else None,
        "exposure": selectors.exposure(row),
    }


@require_GET
def chart(request: HttpRequest, pk: int, name: str) -> JsonResponse:
    """The figure `moment` or `cumulative` of a schedule; `?x=linear` for a linear axis."""
    row = selectors.schedule_get(actor_of(request), pk)
    report = row.manifest.get("adherence", {})
    if name not in CHARTS or not report.get("points"):
        raise Http404("this schedule has no such chart")
    curve = MixtureCurve.from_json(row.manifest["curve"])
    draw = mixture.moment if name == "moment" else mixture.cumulative
    ordered = row.manifest["grouping"] == "difficulty"
    log, phases = request.GET.get("x") != "linear", Tracks.model_validate(row.manifest.get("tracks", {})).phases
    figure = draw(report, curve, log=log, ordered=ordered)
    return JsonResponse(mixture.with_phases(figure, phases, row.manifest["num_tokens"], log=log))


@require_GET
def order_npy(request: HttpRequest, pk: int) -> FileResponse:
    """The order file as training reads it: numpy rows (sequence, start, length, weight)."""
    row, core = _opened(actor_of(request), pk)
    return FileResponse((core.stored.path / "rows.npy").open("rb"), as_attachment=True, filename=f"{row.uid}-order.npy")


@require_GET
def order_json(request: HttpRequest, pk: int) -> JsonResponse:
    """The order as JSON: the manifest and `rows` of [sequence, start, length, weight]."""
    row, core = _opened(actor_of(request), pk)
    body = {"schedule": row.uid, "manifest": core.manifest, "rows": core.rows.tolist()}
    return JsonResponse(body, headers={"Content-Disposition": f'attachment; filename="{row.uid}-order.json"'})


def _opened(actor: Actor, pk: int) -> tuple[Schedule, CoreSchedule]:
    row = selectors.schedule_get(actor, pk)
    core = selectors.opened(row)
    if core is None:
        raise Http404(f"the files of {row} are not on this machine")
    if core.is_adaptive:
        raise Http404(f"{row} has no order: its policy decides during the run, and the journal of a run is its order")
    return row, core
