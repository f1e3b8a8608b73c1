"""Clusters: those of a dataset version, the browser of one clustering, one cluster and its documents."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from chimera.errors import InputError
from chimera.projects.models import Role
from chimera.projects.request import actor_of, crumbs
from curriculum_app.charts.cluster_map import cluster_map
from curriculum_app.core.clustering.artefact import Clustering as Opened
from curriculum_app.core.clustering.config import ClusterConfig
from curriculum_app.models import Clustering
from curriculum_app.selectors import clusters as selectors
from curriculum_app.selectors import datasets, funnel
from curriculum_app.services.clusters import cluster_rename
from curriculum_app.views.datasets import frame as frame_of_dataset

PAGE = 25
COLOURS = ("cluster", "domain")


@require_GET
def of_dataset(request: HttpRequest, pk: int) -> HttpResponse:
    """The clusterings of a dataset version, with what each is worth."""
    version = datasets.version_get(actor_of(request), pk)
    page = Paginator(selectors.clusterings(version), PAGE).get_page(request.GET.get("page"))
    rows = [(row, selectors.in_words(row.manifest["quality"])) for row in page]
    return render(
        request, "curriculum/clusters.html", frame_of_dataset(version, "clusters") | {"page": page, "rows": rows}
    )


@require_GET
def clustering(request: HttpRequest, pk: int) -> HttpResponse:
    """The browser: map, list of clusters, quality."""
    row = selectors.clustering_get(actor_of(request), pk)
    opened = selectors.opened(row)
    context = _frame(row) | {
        "clusters": selectors.clusters(row, opened) if opened else None,
        "words": selectors.in_words(row.manifest["quality"]),
        "recipe": _settings(row),
        "colour": _colour(request),
        "colours": COLOURS,
        "crumbs": _crumbs(row, (row.label, "")),
    }
    return render(request, "curriculum/clustering.html", context)


@require_GET
def map_json(request: HttpRequest, pk: int) -> JsonResponse:
    """The figure of the map: `?colour=cluster` or `?colour=domain`."""
    row = selectors.clustering_get(actor_of(request), pk)
    opened = _must_open(row)
    names = [cluster.name for cluster in selectors.clusters(row, opened)]
    return JsonResponse(cluster_map(opened.map, names, _colour(request), row.manifest["map"]["method"]))


@require_GET
def cluster(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """One cluster: its documents to read at the centre and at the border, and all of them, page by page."""
    row = selectors.clustering_get(actor_of(request), pk)
    opened = _must_open(row)
    found = selectors.clusters(row, opened)
    chosen = _chosen(found, number)
    context = _frame(row) | {
        "cluster": chosen,
        "before": found[number - 1] if number else None,
        "after": found[number + 1] if number + 1 < len(found) else None,
        "page": Paginator(selectors.documents(opened, chosen), PAGE).get_page(request.GET.get("page")),
        "crumbs": _crumbs(row, (row.label, reverse("clustering-detail", args=[pk])), (chosen.name, "")),
    }
    return render(request, "curriculum/cluster.html", context)


@require_POST
def rename(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """Call a cluster something; an empty name brings the suggestion back."""
    actor = actor_of(request)
    actor.require(Role.EDITOR)
    row = selectors.clustering_get(actor, pk)
    _chosen(selectors.clusters(row, _must_open(row)), number)
    try:
        cluster_rename(actor, row, number, request.POST.get("name", ""))
    except InputError as error:
        messages.error(request, str(error))
    return redirect("cluster-detail", pk=pk, number=number)


def _chosen(found: list[selectors.ClusterRow], number: int) -> selectors.ClusterRow:
    if number >= len(found):
        raise Http404(f"there are {len(found)} clusters")
    return found[number]


def _settings(row: Clustering) -> list[tuple[str, str]]:
    """The numbers of the job's form, under the form's names."""
    titles = {name: info.title or name for name, info in ClusterConfig.model_fields.items()}
    said = {titles[name]: value for name, value in row.manifest["recipe"].items() if name != "encoder"}
    return funnel.settings_of(said)


def _colour(request: HttpRequest) -> str:
    asked = request.GET.get("colour", "")
    return asked if asked in COLOURS else COLOURS[0]


def _frame(row: Clustering) -> dict[str, Any]:
    return {"row": row, "manifest": row.manifest, "quality": row.manifest["quality"]}


def _crumbs(row: Clustering, *last: tuple[str, str]) -> list[dict[str, str]]:
    version = row.dataset
    return crumbs(
        ("Data", reverse("data")),
        (version.label, reverse("dataset-detail", args=[version.pk])),
        ("Clusters", reverse("dataset-clusters", args=[version.pk])),
        *last,
    )


def _must_open(row: Clustering) -> Opened:
    opened = selectors.opened(row)
    if opened is None:
        raise Http404(f"the files of {row} are not on this machine")
    return opened
