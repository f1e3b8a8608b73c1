"""Diagnoses: the list of a project and the page of one."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from chimera.projects.request import actor_of, crumbs
from training_app.charts.diagnosis import bounds_of, cosine_map, rank_lines
from training_app.core.diagnosis import OrderFacts
from training_app.models import Diagnosis
from training_app.selectors import diagnoses as selectors

PAGE = 50


@require_GET
def diagnosis_list(request: HttpRequest) -> HttpResponse:
    page = Paginator(selectors.diagnoses(actor_of(request)), PAGE).get_page(request.GET.get("page"))
    trail = crumbs(("Models", reverse("models")), ("Diagnoses", ""))
    return render(request, "training/diagnoses.html", {"page": page, "crumbs": trail})


@require_GET
def diagnosis_detail(request: HttpRequest, pk: int) -> HttpResponse:
    row = _row(request, pk)
    found = selectors.opened(row)
    trail = crumbs(("Models", reverse("models")), ("Diagnoses", reverse("diagnoses")), (row.uid, ""))
    context = {"diagnosis": row, "crumbs": trail, "here": found is not None}
    if found is not None:
        measured = row.manifest["batches"] * row.manifest["batch_sequences"]
        context |= {
            "rows": selectors.comparison(found.orders),
            "verdict": selectors.verdict(found.orders),
            "measured": measured,
            "too_small": selectors.too_small(found.orders, measured),
        }
    return render(request, "training/diagnosis.html", context)


@require_GET
def cosines_json(request: HttpRequest, pk: int, order: int) -> JsonResponse:
    """The figure of one order: 0 is the schedule's own."""
    orders = _orders(request, pk)
    if order >= len(orders):
        raise Http404(f"diagnosis-{pk} has {len(orders)} orders")
    return JsonResponse(cosine_map(orders[order], bounds_of(orders)))


@require_GET
def ranks_json(request: HttpRequest, pk: int) -> JsonResponse:
    return JsonResponse(rank_lines(_orders(request, pk)))


def _orders(request: HttpRequest, pk: int) -> list[OrderFacts]:
    found = selectors.opened(_row(request, pk))
    if found is None:
        raise Http404("the files of this diagnosis are not on this machine")
    return found.orders


def _row(request: HttpRequest, pk: int) -> Diagnosis:
    try:
        return selectors.diagnosis_get(actor_of(request), pk)
    except Diagnosis.DoesNotExist:
        raise Http404(f"diagnosis-{pk} does not exist in this project") from None
