"""The passport of a document: where it comes from, what every rule said, duplicates, cluster, scores, exposures."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from chimera.projects.request import actor_of
from curriculum_app.core import dataset_version as core
from curriculum_app.core.examination import Step
from curriculum_app.core.text_difference import Piece, text_difference
from curriculum_app.core.time_limit import CallFailed, TimedOut
from curriculum_app.models import DatasetVersion
from curriculum_app.selectors import datasets as selectors
from curriculum_app.selectors import passports
from curriculum_app.views.datasets import frame


@require_GET
def document(request: HttpRequest, pk: int) -> HttpResponse:
    """One document: `?id=...`; with `&beside=...` the two texts next to each other instead."""
    actor = actor_of(request)
    version = selectors.version_get(actor, pk)
    opened = _must_open(version)
    wanted = [request.GET.get("id", ""), request.GET.get("beside", "")]
    shown = [opened.find(name) for name in wanted if name]
    found = shown[0] if shown else None
    if found is None or None in shown:
        raise Http404("no such document in this version")
    context = frame(version, "documents") | {"shown": shown}
    if len(shown) == 1:
        context |= passports.passport(actor, version, found)
    return render(request, "curriculum/document.html", context)


@require_GET
def rules(request: HttpRequest, pk: int) -> HttpResponse:
    """What every rule of the recipe says about the document `?id=`, with the texts before and after each change."""
    version = selectors.version_get(actor_of(request), pk)
    found = _must_open(version).find(request.GET.get("id", ""))
    origin = passports.origin(version, found) if found is not None else None
    if origin is None:
        raise Http404("the document as it came in is not on this machine")
    context: dict[str, object] = {"version": version, "raw": origin[1], "from": origin[0]}
    try:
        steps = passports.examination(version, origin[1])
    except TimedOut:
        context["failed"] = "It took too long: one of the filters hangs on this text."
    except CallFailed as error:
        context["failed"] = str(error).strip().splitlines()[-1]
    else:
        context["steps"] = [(step, _changes(step)) for step in steps]
    return render(request, "curriculum/_examination.html", context)


def _changes(step: Step) -> list[Piece]:
    """What the filter changed; empty where it changed nothing, or took text out of markup."""
    if step.before is None or not step.after or step.markup:
        return []
    return text_difference(step.before, step.after).shortened


def _must_open(version: DatasetVersion) -> core.DatasetVersion:
    opened = selectors.opened(version)
    if opened is None:
        raise Http404(f"the files of {version} are not on this machine")
    return opened
