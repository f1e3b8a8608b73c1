"""Measured columns of a dataset version: summary, distributions, rank correlations, and the documents at the ends."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from chimera.projects.request import actor_of
from curriculum_app.charts import columns as charts
from curriculum_app.models import ColumnSet, DatasetVersion
from curriculum_app.selectors import columns as selectors
from curriculum_app.selectors import datasets
from curriculum_app.views.datasets import frame

ORDERS: tuple[selectors.Order, ...] = ("lowest", "highest", "missing")


@require_GET
def columns(request: HttpRequest, pk: int) -> HttpResponse:
    """The newest column set of a version, or `?set=...`; `&column=...&order=...&domain=...` choose the documents."""
    actor = actor_of(request)
    version = datasets.version_get(actor, pk)
    sets = selectors.sets_of(version)
    row = _chosen(sets, request.GET.get("set", ""))
    context = {**frame(version, "columns"), "sets": sets, "row": row, "measure": _measure(version, row)}
    if row is not None:
        context |= _measured(request, version, row)
    return render(request, "curriculum/columns.html", context)


@require_GET
def column_set(request: HttpRequest, pk: int) -> HttpResponse:
    """Where the job's link to its result leads: the tab of the version."""
    row = selectors.set_get(actor_of(request), pk)
    return redirect(f"{reverse('dataset-columns', args=[row.dataset_id])}?set={row.pk}")


@require_GET
def distribution(request: HttpRequest, pk: int, number: int) -> JsonResponse:
    """The figure of one column."""
    found = selectors.facts(selectors.set_get(actor_of(request), pk))
    if number >= len(found):
        raise Http404("no such column")
    return JsonResponse(charts.distribution(found[number]))


def _chosen(sets: list[ColumnSet], wanted: str) -> ColumnSet | None:
    if wanted:
        row = next((row for row in sets if str(row.pk) == wanted), None)
        if row is None:
            raise Http404("no such columns of this version")
        return row
    return sets[0] if sets else None


def _measure(version: DatasetVersion, row: ColumnSet | None) -> str:
    """The form of the next measuring job: what this set holds is there already and is taken over."""
    again = f"&from={row.job_id}" if row is not None and row.job_id else ""
    return f"{reverse('job-new', args=['measure'])}?dataset={version.uid}{again}"


def _measured(request: HttpRequest, version: DatasetVersion, row: ColumnSet) -> dict[str, Any]:
    found, domains = selectors.facts(row), row.manifest["domains"]
    by_name = {column.name: column for column in found}
    column = by_name.get(request.GET.get("column", ""), found[0])
    order: selectors.Order = next((order for order in ORDERS if order == request.GET.get("order")), "highest")
    domain = request.GET.get("domain", "")
    context: dict[str, Any] = {
        "columns": found,
        "domains": domains if len(domains) <= charts.SHOWN else [],
        "agreement": selectors.agreement(row),
        "column": column,
        "others": [other for other in found if other is not column],
        "order": order,
        "orders": ORDERS,
        "domain": domain if domain in domains else "",
        "all_domains": domains,
    }
    opened, texts = selectors.opened(row), datasets.opened(version)
    if opened is not None and texts is not None:
        context["extremes"] = selectors.extremes(opened, texts, column.name, order, context["domain"] or None)
    return context
