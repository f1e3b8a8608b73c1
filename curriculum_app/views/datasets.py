"""Data: the list of versions, one version, its documents, what was dropped or quarantined."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from chimera.projects.access import Actor
from chimera.projects.request import actor_of, crumbs
from curriculum_app.charts import s_curve as charts
from curriculum_app.models import DatasetVersion
from curriculum_app.selectors import datasets as selectors
from curriculum_app.selectors import funnel as funnels
from curriculum_app.selectors.funnel_tokens import stage_tokens
from curriculum_app.selectors.glance import glance
from curriculum_app.selectors.lineage import lineage_graph
from curriculum_app.selectors.next_steps import next_steps
from curriculum_app.selectors.tokens import tokenizers, tokens_of
from curriculum_app.views import versions as care

PAGE = 25


@require_GET
def data(request: HttpRequest) -> HttpResponse:
    """Every dataset version of the project, newest first."""
    actor = actor_of(request)
    stage = request.GET.get("stage", "")
    page = Paginator(selectors.versions(actor, stage), PAGE).get_page(request.GET.get("page"))
    rows = [(version, selectors.licenses(version.manifest)) for version in page]
    context = {"page": page, "rows": rows, "stage": stage, "can_edit": actor.can_edit}
    return render(request, "curriculum/data.html", context)


@require_GET
def dataset(request: HttpRequest, pk: int) -> HttpResponse:
    """One version: funnel, near-duplicates, recipe, licences, lineage."""
    actor = actor_of(request)
    version = selectors.version_get(actor, pk)
    manifest = version.manifest
    lineage = selectors.lineage(version)
    stages = _funnels(actor, version)
    uncounted = stages["countable"] and stages["counted"] is None
    context = {
        **frame(version, "overview"),
        "glance": glance(manifest),
        "grouped_tokens": max((row.tokens for row in lineage["sequence_sets"]), default=0),
        **care.care(version),
        "graph": lineage_graph(actor, version),
        **stages,
        "opened": funnels.worth_opening(manifest),
        "exact_removed": manifest.get("exact_duplicates", {}).get("removed", 0),
        "next_steps": next_steps(version, lineage["sequence_sets"], uncounted),
        "duplicates": funnels.duplicates(manifest),
        "recipes": funnels.recipes(manifest),
        "import_settings": funnels.import_settings(manifest),
        "licenses": selectors.licenses(manifest),
        "domains": sorted(manifest.get("domains", {}).items()),
        "lineage": lineage,
        "modalities": selectors.modalities(manifest),
        "others": selectors.others(version),
        "tag_names": selectors.tag_names(actor),
        "tag_moves": selectors.tag_moves(version),
        "files": sorted(manifest.get("files", {}).items()),
        "code_versions": _code_versions(manifest.get("code_version", "unknown")),
    }
    return render(request, "curriculum/dataset.html", context)


def _funnels(actor: Actor, version: DatasetVersion) -> dict[str, Any]:
    """The funnel of every domain, with its tokens under the newest tokenizer that has counted them."""
    found = funnels.funnels(version.manifest)
    known = tokenizers(actor.project) if found else []
    counted = next(iter(tokens_of(version, known)), None) if known else None
    tokens = [
        stage_tokens(each, counted.by_domain[each.domain]) if counted and each.domain in counted.by_domain else None
        for each in found
    ]
    return {"funnels": list(zip(found, tokens, strict=True)), "counted": counted, "countable": bool(known)}


@require_GET
def s_curve(request: HttpRequest, pk: int) -> JsonResponse:
    """The figure of the bands that proposed near-duplicates, with what was measured of them."""
    version = selectors.version_get(actor_of(request), pk)
    found = funnels.duplicates(version.manifest)
    if found is None or not found.compared:
        raise Http404("no near-duplicates were looked for in this version")
    bands = found.bands
    figure = charts.s_curve(bands["bands"], bands["rows"], bands["threshold"], version.manifest["duplicates"])
    return JsonResponse(figure)


@require_GET
def documents(request: HttpRequest, pk: int) -> HttpResponse:
    """Browse the documents, optionally of one domain or of one modality."""
    version = selectors.version_get(actor_of(request), pk)
    domain, modality = request.GET.get("domain") or None, request.GET.get("modality") or None
    context = frame(version, "documents") | {
        "domain": domain,
        "domains": sorted(version.manifest["domains"]),
        "modality": modality,
        "modalities": selectors.modalities(version.manifest),
    }
    opened = selectors.opened(version)
    if opened is not None:
        context["page"] = _page(request, selectors.documents(opened, domain, modality))
    return render(request, "curriculum/documents.html", context)


@require_GET
def dropped(request: HttpRequest, pk: int) -> HttpResponse:
    """What curation removed, by stage and domain, each with its reason and the number that decided."""
    version = selectors.version_get(actor_of(request), pk)
    stage, domain = request.GET.get("stage") or None, request.GET.get("domain") or None
    context = frame(version, "dropped") | {
        "stage": stage,
        "domain": domain,
        "stages": funnels.stage_names(version.manifest),
        "domains": [item.domain for item in funnels.funnels(version.manifest)],
    }
    opened = selectors.opened(version)
    if opened is not None:
        context["page"] = _page(request, selectors.dropped(opened, stage, domain))
    return render(request, "curriculum/dropped.html", context)


@require_GET
def quarantine(request: HttpRequest, pk: int) -> HttpResponse:
    """Records that import could not use: where they stand and why."""
    version = selectors.version_get(actor_of(request), pk)
    facts = version.manifest.get("quarantine", {})
    context = frame(version, "quarantine") | {"reasons": list(facts.get("reasons", {}).items())}
    opened = selectors.opened(version)
    if opened is not None:
        context["page"] = _page(request, selectors.quarantined(opened))
    return render(request, "curriculum/quarantine.html", context)


def frame(version: DatasetVersion, tab: str) -> dict[str, Any]:
    """What every page of a version shows: title, state line, tabs."""
    manifest = version.manifest
    tabs: list[tuple[str, str, str, int | None]] = [("overview", "dataset-detail", "Overview", None)]
    if version.deleted:
        return _framed(version, tab, tabs)
    tabs += [("documents", "dataset-documents", "Documents", version.documents)]
    if version.stage == DatasetVersion.Stage.CURATED:
        tabs += [("dropped", "dataset-dropped", "Dropped", funnels.dropped_count(manifest))]
    if manifest.get("quarantine"):
        tabs += [("quarantine", "dataset-quarantine", "Quarantine", manifest["quarantine"]["records"])]
    if version.stage == DatasetVersion.Stage.CURATED:
        tabs += [("duplicates", "dataset-duplicates", "Duplicates", funnels.duplicates_count(manifest))]
    if contamination := manifest.get("contamination"):
        found = sum(facts["found"] for facts in contamination.values())
        tabs += [("contamination", "dataset-contamination", "Contamination", found)]
    tabs += [("tokens", "dataset-tokens", "Tokens", None)]
    tabs += [("columns", "dataset-columns", "Columns", None)]
    tabs += [("clusters", "dataset-clusters", "Clusters", None)]
    return _framed(version, tab, tabs)


def _framed(version: DatasetVersion, tab: str, tabs: list[tuple[str, str, str, int | None]]) -> dict[str, Any]:
    return {
        "version": version,
        "tab": tab,
        "tabs": [(key, reverse(name, args=[version.pk]), title, count) for key, name, title, count in tabs],
        "crumbs": crumbs(("Data", reverse("data")), (version.label, "")),
    }


def _code_versions(said: Any) -> list[tuple[str, str]]:
    return sorted(said.items()) if isinstance(said, dict) else [("code", str(said))]


def _page(request: HttpRequest, items: Any) -> Any:
    return Paginator(items, PAGE).get_page(request.GET.get("page"))
