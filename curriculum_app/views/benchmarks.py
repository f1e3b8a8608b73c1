"""Benchmarks: the list, one with its items, and what a curation found of them in a dataset version."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from chimera.projects.request import actor_of, crumbs
from curriculum_app.core.dataset_version import DroppedDocument
from curriculum_app.selectors import benchmarks as selectors
from curriculum_app.selectors import datasets
from curriculum_app.selectors.funnel import Manifest
from curriculum_app.views.datasets import frame

PAGE = 25


@require_GET
def benchmarks(request: HttpRequest) -> HttpResponse:
    """Every benchmark of the project, and the bundled ones that it has not."""
    actor = actor_of(request)
    page = Paginator(selectors.benchmarks(actor), PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "bundled": selectors.not_registered(actor), "can_edit": actor.can_edit}
    return render(request, "curriculum/benchmarks.html", context)


@require_GET
def benchmark(request: HttpRequest, pk: int) -> HttpResponse:
    """One benchmark: facts, where it was found, its items to read."""
    row = selectors.benchmark_get(actor_of(request), pk)
    opened = selectors.opened(row)
    context = {
        "row": row,
        "tasks": sorted(row.manifest["tasks"].items(), key=lambda item: -item[1]),
        "versions": selectors.versions_with(row),
        "crumbs": crumbs(("Data", reverse("data")), ("Benchmarks", reverse("benchmarks")), (row.label, "")),
        "page": Paginator(selectors.items(opened), PAGE).get_page(request.GET.get("page")) if opened else None,
    }
    return render(request, "curriculum/benchmark.html", context)


@require_GET
def contamination(request: HttpRequest, pk: int) -> HttpResponse:
    """What a curation found of every benchmark, and the pairs of item and document; `?benchmark=` those of one."""
    version = datasets.version_get(actor_of(request), pk)
    found = selectors.found_in(version)
    if not found:
        raise Http404("no benchmark was looked for in this version")
    chosen = next((item for item in found if item.digest == request.GET.get("benchmark")), None)
    context = frame(version, "contamination") | {
        "found": found,
        "chosen": chosen,
        "settings": _settings(version.manifest),
        "names": {item.digest: item.name for item in found},
    }
    opened = datasets.opened(version)
    if opened is not None:
        pairs = selectors.pairs(opened, chosen.digest if chosen else "")
        context["page"] = Paginator(pairs, PAGE).get_page(request.GET.get("page"))
    return render(request, "curriculum/contamination.html", context)


@require_GET
def contaminated(request: HttpRequest, pk: int) -> HttpResponse:
    """A document beside an item of a benchmark, what they share marked: `?document=&benchmark=<digest>&item=`."""
    actor = actor_of(request)
    version = datasets.version_get(actor, pk)
    opened = datasets.opened(version)
    row = selectors.benchmarks(actor).filter(digest=request.GET.get("benchmark", "")).first()
    benchmark = selectors.opened(row) if row else None
    if opened is None or benchmark is None:
        raise Http404("the files of the version or of the benchmark are not in this project on this machine")
    found, item = opened.find(request.GET.get("document", "")), benchmark.find(request.GET.get("item", ""))
    if found is None or item is None:
        raise Http404("no such document, or no such item")
    document = found.document if isinstance(found, DroppedDocument) else found
    left, right = selectors.beside(document.text, item, _settings(version.manifest))
    context = frame(version, "contamination") | {
        "document": document,
        "dropped": found if found is not document else None,
        "item": item,
        "benchmark": row,
        "document_pieces": left,
        "item_pieces": right,
    }
    return render(request, "curriculum/contaminated.html", context)


def _settings(manifest: Manifest) -> Manifest:
    settings: Manifest = manifest.get("recipe", {}).get("params", {}).get("decontamination", {})
    return settings
