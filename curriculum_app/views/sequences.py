"""Sequences: groups, difficulty bins, held-out text, tokenizer, and any sequence to read."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from chimera.projects.request import actor_of, crumbs
from curriculum_app.selectors import funnel
from curriculum_app.selectors import sequences as selectors


@require_GET
def sequences(request: HttpRequest, pk: int) -> HttpResponse:
    """One sequence set; `?sequence=12` shows that sequence as text with the documents behind it."""
    row = selectors.sequences_get(actor_of(request), pk)
    table = selectors.opened(row)
    asked = request.GET.get("sequence", "")
    shown = selectors.read_sequence(table, int(asked)) if table and asked.isdecimal() else None
    manifest = row.manifest
    context = {
        "row": row,
        "here": table is not None,
        "groupings": selectors.groupings(manifest),
        "held_out": selectors.held_out(manifest),
        "counts": manifest.get("counts", {}),
        "recipe": funnel.settings_of(manifest.get("recipe") or {}),
        "schedules": row.schedules.defer("manifest").select_related("curriculum").order_by("-pk")[:20],
        "asked": asked,
        "shown": shown,
        "last": row.sequences - 1,
        "crumbs": crumbs(
            ("Data", reverse("data")),
            (row.dataset.label, reverse("dataset-detail", args=[row.dataset_id])),
            (row.label, ""),
        ),
    }
    return render(request, "curriculum/sequences.html", context)
