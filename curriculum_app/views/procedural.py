"""Procedural strings: choose a generator and its difficulty, read a few, make a version of them."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET
from pydantic import ValidationError

from chimera.config_forms import ConfigForm
from chimera.errors import InputError, problems_of
from chimera.projects.request import actor_of
from chimera.registry import Entry
from chimera.typed import Config
from curriculum_app.core.jobs.procedural import examples
from curriculum_app.core.procedural.base import GENERATORS, Generator, GeneratorChoice

SHOWN = 3
LONGEST = 2000  # characters of a string on the page


@require_GET
def procedural(request: HttpRequest) -> HttpResponse:
    """A few strings of `?generator=` with the settings of the query; a change is a new request."""
    actor = actor_of(request)
    entries = list(GENERATORS)
    chosen = request.GET.get("generator", entries[0].key)
    entry = next((entry for entry in entries if entry.key == chosen), None)
    if entry is None:
        raise Http404
    form = _form(entry, request)
    valid = not form.is_bound or form.is_valid()
    choice = GeneratorChoice(key=entry.key, config=form.config.as_json() if form.config else {})
    context = {
        "entries": entries,
        "entry": entry,
        "summary": entry.cls.summary,
        "form": form,
        "strings": [_shown(text) for text in examples(choice, 0, SHOWN)] if valid else [],
        "make": f"{reverse('job-new', args=['procedural'])}?{urlencode({'config': json.dumps(_job(choice))})}",
        "can_edit": actor.can_edit,
    }
    return render(request, "curriculum/procedural.html", context, status=200 if valid else 422)


def _form(entry: Entry[Generator], request: HttpRequest) -> ConfigForm:
    def check(raw: Any) -> Config:
        try:
            return entry.config.model_validate(raw)
        except ValidationError as error:
            raise InputError(problems_of(error)) from error

    asked = request.GET.copy()
    asked.pop("generator", None)
    return ConfigForm(entry.config, lambda kind: [], check, asked or None)


def _shown(text: str) -> tuple[str, int]:
    """A string, cut to be read, and how many symbols it has."""
    return text[:LONGEST], text.count(" ") + 1


def _job(choice: GeneratorChoice) -> dict[str, Any]:
    return {"generators": [choice.as_json()]}
