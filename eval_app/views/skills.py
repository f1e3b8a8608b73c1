"""The skill map: the tree with scores, the heat map over checkpoints, weak nodes, emergence, and the tags."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from chimera.errors import InputError
from chimera.projects.access import Actor
from chimera.projects.request import actor_of, crumbs
from chimera.typed import whole
from eval_app.charts.emergence import emergence_chart
from eval_app.charts.skill_heat import skill_heat
from eval_app.models import EvalReport
from eval_app.selectors import skills as selectors
from eval_app.selectors.skill_tags import tags_of, tree_of
from eval_app.selectors.skills import SkillMap
from eval_app.services import skills as services
from training_app.models import TrainingRun

WEAKEST_SHOWN = 8


def _run(request: HttpRequest, runs: list[TrainingRun], name: str = "run") -> TrainingRun | None:
    wanted = whole(request.GET.get(name, ""))
    return next((run for run in runs if run.pk == wanted), None)


def _map(request: HttpRequest, actor: Actor, run: TrainingRun | None) -> SkillMap:
    columns = selectors.reports(actor, run)
    at = _report(request.GET.get("at"), columns) or (columns[-1] if columns else None)
    shown = columns[: columns.index(at) + 1] if at else []
    against = _report(request.GET.get("against"), columns) or (shown[-2] if len(shown) > 1 else None)
    return SkillMap(actor, shown, against if against != at else None)


def _report(value: str | None, columns: list[EvalReport]) -> EvalReport | None:
    return next((report for report in columns if report.pk == whole(value or "")), None)


@require_GET
def skill_map(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    runs = selectors.measured_runs(actor)
    run = _run(request, runs)
    found = _map(request, actor, run)
    context: dict[str, Any] = {
        "map": found,
        "rows": found.rows,
        "reports": selectors.reports(actor, run),
        "at": found.columns[-1] if found.columns else None,
        "against": found.against,
        "weakest": found.weakest[:WEAKEST_SHOWN],
        "untested": found.untested,
        "runs": runs,
        "run": run,
        "query": request.GET.urlencode(),
        "can_edit": actor.can_edit,
        "crumbs": crumbs(("Taxonomy", reverse("taxonomy")), ("Skills", "")),
    }
    return render(request, "eval/skills/skill_map.html", context)


@require_GET
def skill_heat_json(request: HttpRequest) -> JsonResponse:
    actor = actor_of(request)
    found = _map(request, actor, _run(request, selectors.measured_runs(actor)))
    lines = [(row.node.name, row.depth, row.scores) for row in found.rows if any(row.scores)]
    return JsonResponse(skill_heat(lines, [_column(report) for report in found.columns]))


def _column(report: EvalReport) -> str:
    tokens = report.checkpoint.tokens
    return f"{report.checkpoint.label} · {tokens:,}" if tokens else report.checkpoint.label


@require_GET
def skill_emergence(request: HttpRequest) -> HttpResponse:
    """One run's timeline, beside another's order if one is chosen."""
    actor = actor_of(request)
    runs = list(TrainingRun.objects.filter(project=actor.project).exclude(schedule=None).order_by("-pk")[:200])
    run = _run(request, runs) or next(iter(selectors.measured_runs(actor)), None) or next(iter(runs), None)
    other = _run(request, runs, "beside")
    found = selectors.emergence(actor, run) if run else []
    beside = selectors.emergence(actor, other) if other else []
    context = {
        "run": run,
        "runs": runs,
        "other": other,
        "found": found,
        "agreement": selectors.same_order(found, beside) if other else None,
        "crumbs": crumbs(("Taxonomy", reverse("taxonomy")), ("Skills", reverse("skills")), ("Emergence", "")),
    }
    return render(request, "eval/skills/emergence.html", context)


@require_GET
def skill_emergence_json(request: HttpRequest) -> JsonResponse:
    actor = actor_of(request)
    run = TrainingRun.objects.filter(project=actor.project, pk=whole(request.GET.get("run", "")) or 0).first()
    return JsonResponse(emergence_chart(selectors.emergence(actor, run) if run else []))


@require_GET
def skill_tags(request: HttpRequest) -> HttpResponse:
    """Every tag with what it covers, and the form that adds one."""
    actor = actor_of(request)
    columns = selectors.reports(actor)
    found = SkillMap(actor, columns)
    tasks = sorted({each["task"] for report in columns for each in report.manifest.get("tasks", [])})
    domains = sorted(
        {key[9:] for report in columns for key in report.scores if key.startswith("held_out/")} - {"macro"}
    )
    tree = tree_of(actor)
    context = {
        "tags": tags_of(actor, tree, domains),
        "tasks": tasks,
        "domains": domains,
        "nodes": [(row.node, "\u2003" * row.depth + row.node.name) for row in found.rows],
        "can_edit": actor.can_edit,
        "crumbs": crumbs(("Taxonomy", reverse("taxonomy")), ("Skills", reverse("skills")), ("Tags", "")),
    }
    return render(request, "eval/skills/tags.html", context)


@require_POST
def skill_tag_add(request: HttpRequest) -> HttpResponse:
    of, _, name = request.POST.get("what", "").partition("/")
    try:
        services.add_tag(actor_of(request), request.POST.get("node", ""), of, name, request.POST.get("pattern", "*"))
    except InputError as error:
        messages.error(request, "; ".join(map(str, error.problems)))
    return redirect("skill-tags")


@require_POST
def skill_tag_remove(request: HttpRequest, pk: int) -> HttpResponse:
    services.remove_tag(actor_of(request), pk)
    return redirect("skill-tags")
