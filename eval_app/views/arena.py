"""The arena: what every method has shown in this project, beside what its paper claims."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from chimera.projects.request import actor_of
from eval_app.selectors import arena as selectors

_ON_A_PAGE = 200


@require_GET
def arena(request: HttpRequest) -> HttpResponse:
    found, filters = selectors.entries(actor_of(request)), _filters(request)
    shown = [entry for entry in found if filters.keep(entry)]
    page = Paginator(shown, _ON_A_PAGE).get_page(request.GET.get("page"))
    context: dict[str, Any] = {
        "boards": selectors.boards(page.object_list), "page": page, "filters": filters, "any": bool(found),
        "methods": selectors.titles_of({entry.method for entry in found}),
        "words": sorted({entry.word for entry in found}),
        "compared": sorted({part for entry in found for part in entry.compares.split(" + ") if part}),
        "area": "arena",
    }  # fmt: skip
    return render(request, "eval/arena.html", context)


@require_GET
def arena_csv(request: HttpRequest) -> HttpResponse:
    """What the page shows, all of it, for a spreadsheet."""
    filters = _filters(request)
    kept = filter(filters.keep, selectors.entries(actor_of(request)))
    headers = {"Content-Disposition": 'attachment; filename="arena.csv"'}
    text = selectors.as_csv(selectors.boards(kept))
    return HttpResponse(text, content_type="text/csv; charset=utf-8", headers=headers)


def _filters(request: HttpRequest) -> selectors.Filters:
    return selectors.Filters(*(request.GET.get(name, "") for name in ("method", "word", "compares")))
