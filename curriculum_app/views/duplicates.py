"""Duplicates of a version: groups, one group, and two texts beside each other."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from chimera.projects.request import actor_of
from curriculum_app.selectors import datasets, funnel
from curriculum_app.selectors import duplicates as selectors
from curriculum_app.views.datasets import frame

PAGE = 25
MEMBERS = 50


@require_GET
def duplicates(request: HttpRequest, pk: int) -> HttpResponse:
    """Groups of duplicates, the largest first: `?kept=` and `?removed=` ask for a pair of domains."""
    actor = actor_of(request)
    version = datasets.version_get(actor, pk)
    kept, removed = request.GET.get("kept", ""), request.GET.get("removed", "")
    opened = datasets.opened(version)
    found = selectors.duplicate_groups(opened, kept, removed) if opened else None
    context = frame(version, "duplicates") | {
        "kept": kept,
        "removed": removed,
        "domains": sorted(version.manifest.get("funnel", {})),
        "here": opened is not None,
        "page": Paginator(found, PAGE).get_page(request.GET.get("page")) if found is not None else None,
        "near": funnel.duplicates(version.manifest),
        "exact": version.manifest.get("exact_duplicates", {}),
    }
    return render(request, "curriculum/duplicates.html", context)


@require_GET
def group(request: HttpRequest, pk: int) -> HttpResponse:
    """What was removed for one document: `?kept=<id>`, `&in=<digest>` where an earlier version holds it."""
    actor = actor_of(request)
    version = datasets.version_get(actor, pk)
    kept_id, digest = request.GET.get("kept", ""), request.GET.get("in", "")
    opened, held = datasets.opened(version), selectors.holder(actor, version, digest)
    holding = datasets.opened(held) if held else None
    if opened is None:
        raise Http404(f"the files of {version} are not on this machine")
    members = opened.dropped_for(kept_id, MEMBERS + 1, digest or None)
    if not members:
        raise Http404("nothing was removed for this document")
    context = frame(version, "duplicates") | {
        "kept_id": kept_id,
        "digest": digest,
        "holder": held,
        "document": holding.find(kept_id) if holding else None,
        "members": members[:MEMBERS],
        "more": len(members) > MEMBERS,
    }
    return render(request, "curriculum/duplicate_group.html", context)


@require_GET
def pair(request: HttpRequest, pk: int) -> HttpResponse:
    """A removed document beside the kept one, what only one of them has marked: `?kept=&removed=&in=`."""
    actor = actor_of(request)
    version = datasets.version_get(actor, pk)
    asked = [request.GET.get(name, "") for name in ("kept", "removed", "in")]
    found = selectors.pair(actor, version, *asked)
    if found is None:
        raise Http404("one of the two documents is not in this project on this machine")
    context = frame(version, "duplicates") | {"pair": found, "digest": asked[2]}
    return render(request, "curriculum/duplicate_pair.html", context)
