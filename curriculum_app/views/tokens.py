"""Tokens of one dataset version, per tokenizer, domain, stage and source."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from chimera.projects.request import actor_of
from curriculum_app.selectors import datasets
from curriculum_app.selectors import tokens as selectors
from curriculum_app.views.datasets import frame


@require_GET
def tokens(request: HttpRequest, pk: int) -> HttpResponse:
    """Every tokenizer beside each domain; `?tokenizer=<uid>` chooses the one whose stages are shown."""
    actor = actor_of(request)
    version = datasets.version_get(actor, pk)
    tables = selectors.tokens_of(version)
    asked = request.GET.get("tokenizer", "")
    chosen = next((table for table in tables if table.tokenizer.uid == asked), tables[0] if tables else None)
    domains = sorted({item.domain for table in tables for item in table.domains})
    rows = [(domain, [table.by_domain.get(domain) for table in tables]) for domain in domains]
    context = frame(version, "tokens") | {
        "tables": tables,
        "rows": rows,
        "chosen": chosen,
        "tokenizers": selectors.tokenizers(actor.project),
        "can_edit": actor.can_edit,
    }
    return render(request, "curriculum/tokens.html", context)
