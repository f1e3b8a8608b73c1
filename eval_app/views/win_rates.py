"""Win rate of a report against a baseline, and the page on which a person judges pairs blindly."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from chimera.errors import InputError
from chimera.projects.access import Actor
from chimera.projects.request import actor_of, crumbs
from chimera.typed import whole
from eval_app.models import EvalReport
from eval_app.selectors import win_rates as selectors
from eval_app.selectors.evaluations import report_get
from eval_app.selectors.items import reports_with_items
from eval_app.services.votes import vote


@require_GET
def win_rate(request: HttpRequest) -> HttpResponse:
    """`?candidate=2&baseline=1`: how often the one's answers are better, by rule, judge and person."""
    actor = actor_of(request)
    choices = list(reports_with_items(actor)[:100])
    candidate = _chosen(choices, request.GET.get("candidate")) or next(iter(choices), None)
    baseline = _chosen(choices, request.GET.get("baseline")) or next((e for e in choices if e != candidate), None)
    context: dict[str, Any] = {"choices": choices, "candidate": candidate, "baseline": baseline, "crumbs": _trail()}
    if candidate and baseline and candidate != baseline:
        context |= {
            "rates": selectors.win_rates(candidate, baseline),
            "readable": selectors.generated_tasks(candidate, baseline) if actor.can_edit else [],
        }
    return render(request, "eval/win_rate.html", context)


@require_http_methods(["GET", "POST"])
def judge(request: HttpRequest, candidate: int, baseline: int, task: str) -> HttpResponse:
    """One pair after the other; the side of each answer is drawn, and only the server knows it."""
    actor = actor_of(request)
    pair = report_get(actor, candidate), report_get(actor, baseline)
    if request.method == "POST":
        _vote(request, actor, pair, task)
        return redirect("win-rate-judge", candidate, baseline, task)
    back = f"{reverse('win-rate')}?candidate={candidate}&baseline={baseline}"
    context = {
        "pair": selectors.next_pair(actor, *pair, task),
        "task": task,
        "back": back,
        "can_edit": actor.can_edit,
        "crumbs": [*_trail()[:-1], *crumbs(("Win rate", back), (task, ""))],
    }
    return render(request, "eval/win_rate_judge.html", context)


def _vote(request: HttpRequest, actor: Actor, pair: tuple[EvalReport, EvalReport], task: str) -> None:
    posted: QueryDict = request.POST
    item = posted.get("item", "")
    left, right = selectors.order_of(actor, *pair, task, item)
    chosen = {"left": left, "right": right, "tie": "tie"}.get(posted.get("choice", ""), "")
    try:
        vote(actor, *pair, task, item, chosen)
    except InputError as error:
        messages.error(request, "; ".join(map(str, error.problems)))


def _chosen(choices: list[EvalReport], value: str | None) -> EvalReport | None:
    return next((each for each in choices if each.pk == whole(value or "")), None)


def _trail() -> list[dict[str, str]]:
    return crumbs(("Studies", reverse("studies")), ("Win rate", ""))
