"""Items of a report, one by one; two reports item by item."""

from __future__ import annotations

from typing import Any, cast, get_args

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from chimera.projects.access import Actor
from chimera.projects.request import actor_of, crumbs
from chimera.typed import whole
from curriculum_app.models import TaxonomyNode
from eval_app.models import EvalReport
from eval_app.selectors import items as selectors
from eval_app.selectors.evaluations import report_get
from eval_app.selectors.items import Fate, Turn

PAGE = 20
TURNS = (("lost", "lost"), ("won", "won"), ("both", "both right"), ("neither", "both wrong"))


@require_GET
def item_list(request: HttpRequest, pk: int) -> HttpResponse:
    """The items of a report, filtered by task, outcome, words and node."""
    actor = actor_of(request)
    report, table = _with_items(actor, pk)
    node = _node(actor, request.GET.get("node", ""))
    keys = selectors.items_of_node(actor, report, node) if node else None
    fate = request.GET.get("fate", "")
    window = selectors.found_items(
        table,
        request.GET.get("task", ""),
        cast(Fate, fate if fate in get_args(Fate) else ""),
        request.GET.get("words", "").strip(),
        keys,
    )
    context = {
        "report": report,
        "page": Paginator(window, PAGE).get_page(request.GET.get("page")),
        "tasks": [each["task"] for each in report.manifest.get("tasks", [])],
        "node": node,
        "chosen": {name: request.GET.get(name, "") for name in ("task", "fate", "words")},
        "others": selectors.reports_with_items(actor).exclude(pk=pk)[:50],
        "crumbs": crumbs(*_trail(report), ("Items", "")),
    }
    return render(request, "eval/items/item_list.html", context)


@require_GET
def item_detail(request: HttpRequest, pk: int, task: str, item: str) -> HttpResponse:
    """One item: what was asked, what the model gave each option, what it wrote."""
    report = report_get(actor_of(request), pk)
    found = selectors.find_item(report, task, item)
    if found is None:
        raise Http404("no such item in this report")
    context = {
        "report": report,
        "item": found,
        "options": selectors.options_of(found),
        "crumbs": crumbs(*_trail(report), ("Items", reverse("evaluation-items", args=[pk])), (item, "")),
    }
    return render(request, "eval/items/item_detail.html", context)


@require_GET
def compare(request: HttpRequest) -> HttpResponse:
    """`?before=1&after=2`: paired tests task by task, and the items that turned."""
    actor = actor_of(request)
    choices = list(selectors.reports_with_items(actor)[:100])
    after = _chosen(choices, request.GET.get("after")) or next(iter(choices), None)
    before = _chosen(choices, request.GET.get("before")) or next((each for each in choices if each != after), None)
    context: dict[str, Any] = {
        "choices": choices,
        "before": before,
        "after": after,
        "crumbs": crumbs(("Evaluate", reverse("evaluate")), ("Two reports item by item", "")),
    }
    if before and after:
        turn = request.GET.get("turn", "lost")
        chosen = cast(Turn, turn if turn in get_args(Turn) else "lost")
        task = request.GET.get("task", "")
        turned = selectors.turned_items(before, after, chosen, task)
        context |= {
            "changes": selectors.task_changes(before, after),
            "turn": chosen,
            "turns": TURNS,
            "task": task,
            "page": Paginator(turned, PAGE).get_page(request.GET.get("page")),
        }
    return render(request, "eval/items/compare.html", context)


def _with_items(actor: Actor, pk: int) -> tuple[EvalReport, Any]:
    report = report_get(actor, pk)
    table = selectors.table_of(report)
    if table is None:
        raise Http404("this report has no items on this machine")
    return report, table


def _node(actor: Actor, uuid: str) -> TaxonomyNode | None:
    if len(uuid) != 36:
        return None
    node: TaxonomyNode | None = TaxonomyNode.objects.filter(project=actor.project, uuid=uuid).first()
    return node


def _chosen(choices: list[EvalReport], value: str | None) -> EvalReport | None:
    return next((each for each in choices if each.pk == whole(value or "")), None)


def _trail(report: EvalReport) -> list[tuple[str, str]]:
    return [("Evaluate", reverse("evaluate")), (report.label, reverse("evaluation-detail", args=[report.pk]))]
