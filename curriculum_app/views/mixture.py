"""The mixture ledger: targets, the data that fills them, need, epochs and the largest honest budget."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from chimera.errors import InputError, Problem
from chimera.projects.access import Actor
from chimera.projects.request import actor_of, crumbs
from curriculum_app.core.mixture_draft import MOST_ROWS, Draft, Fill, Row
from curriculum_app.core.mixture_templates import TEMPLATES
from curriculum_app.models import MixturePlan
from curriculum_app.selectors import mixture as selectors
from curriculum_app.selectors.tokens import tokenizers
from curriculum_app.services.mixture import mixture_save

_SPARE_ROWS = 2


@require_GET
def mixtures(request: HttpRequest) -> HttpResponse:
    """The mixtures of the project, and the templates to start from."""
    actor = actor_of(request)
    plans = [(plan, Draft.of_saved(plan.name, plan.budget_tokens, plan.rows).rows) for plan in selectors.plans(actor)]
    context = {"plans": plans, "templates": TEMPLATES.values()}
    return render(request, "curriculum/mixtures.html", context)


@require_http_methods(["GET", "POST"])
def mixture_new(request: HttpRequest) -> HttpResponse:
    """A mixture that is not saved yet, from `?template=` or empty; a post computes, adds rows or saves."""
    actor = actor_of(request)
    if request.method == "POST":
        return _posted(request, actor, None)
    key = request.GET.get("template", "")
    if key and key not in TEMPLATES:
        raise Http404(f"there is no template {key!r}")
    draft = Draft.of_template(TEMPLATES[key]) if key else Draft()
    return _editor(request, actor, draft, None)


@require_http_methods(["GET", "POST"])
def mixture(request: HttpRequest, pk: int) -> HttpResponse:
    """A saved version with its history; a post makes the next one."""
    actor = actor_of(request)
    plan = selectors.plan_get(actor, pk)
    if request.method == "POST":
        return _posted(request, actor, plan)
    return _editor(request, actor, Draft.of_saved(plan.name, plan.budget_tokens, plan.rows), plan)


@require_POST
def mixture_ledger(request: HttpRequest) -> HttpResponse:
    """The ledger of what stands in the form, for the page to show while it is edited."""
    actor = actor_of(request)
    return render(request, "curriculum/_ledger.html", _result(actor, _draft(request.POST)))


def _posted(request: HttpRequest, actor: Actor, plan: MixturePlan | None) -> HttpResponse:
    draft = _draft(request.POST)
    if request.POST.get("action") != "save":
        return _editor(request, actor, draft, plan)
    try:
        saved = mixture_save(actor, draft)
    except InputError as error:
        return _editor(request, actor, draft, plan, error.problems)
    messages.success(request, f"{saved} is saved.")
    return redirect("mixture-detail", pk=saved.pk)


def _editor(
    request: HttpRequest, actor: Actor, draft: Draft, plan: MixturePlan | None, problems: list[Problem] | None = None
) -> HttpResponse:
    choices = tokenizers(actor.project)
    rows = [*draft.rows, *[Row()] * min(_SPARE_ROWS, max(0, MOST_ROWS - len(draft.rows)))]
    fillings = selectors.fillings(actor)
    context = {
        "plan": plan,
        "draft": draft,
        "rows": _rows(rows, fillings),
        "fillings": fillings,
        "tokenizers": choices,
        "tokenizer": draft.tokenizer or (choices[0].uid if choices else ""),
        "history": selectors.history(plan) if plan else [],
        "can_edit": actor.can_edit,
        "save_problems": problems or [],
        "crumbs": crumbs(
            ("Data", reverse("data")), ("Mixture", reverse("mixtures")), (str(plan) if plan else "new", "")
        ),
        **_result(actor, draft),
    }
    return render(request, "curriculum/mixture.html", context, status=422 if problems else 200)


def _rows(
    rows: list[Row], fillings: list[tuple[str, list[tuple[str, str]]]]
) -> list[tuple[int, Row, list[str], list[str]]]:
    """Number, row, keys of what fills it, and the same in words, version by version."""
    found = []
    for number, row in enumerate(rows):
        keys = [fill.key for fill in row.fills]
        chosen = {label: [domain for key, domain in domains if key in keys] for label, domains in fillings}
        words = [f"{label}: {', '.join(domains)}" for label, domains in chosen.items() if domains]
        found.append((number, row, keys, words))
    return found


def _result(actor: Actor, draft: Draft) -> dict[str, Any]:
    return {"result": selectors.computed(actor, draft)}


def _draft(data: QueryDict) -> Draft:
    """What stands in the form: `row-0-name`, `row-0-share`, `row-0-fill` …"""
    rows = []
    for number in range(MOST_ROWS):
        if f"row-{number}-name" not in data:
            break
        fills = tuple(map(Fill.parse, data.getlist(f"row-{number}-fill")))
        name, share = (data.get(f"row-{number}-{part}", "").replace("\0", "").strip() for part in ("name", "share"))
        rows.append(Row(name, share, fills))
    kept = [row for row in rows if not row.empty]
    said = {key: data.get(key, "").replace("\0", "") for key in ("name", "budget", "tokenizer")}
    return Draft(**said, rows=tuple(kept))
