"""What is done with whole dataset versions: compare two, take one away, name one with a tag."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from chimera.projects.request import actor_of, crumbs
from curriculum_app.core.version_difference import KINDS, VersionDifference
from curriculum_app.selectors import datasets as selectors
from curriculum_app.selectors.window import Window
from curriculum_app.services import differences

PAGE = 50


@require_GET
def difference(request: HttpRequest, pk: int) -> HttpResponse:
    """Documents added, removed and changed from this version to `?other=<pk>`; `&kind=` and `&domain=` list ids."""
    actor = actor_of(request)
    left = selectors.version_get(actor, pk)
    asked = request.GET.get("other", "")
    if not asked.isdecimal() or len(asked) > 18:
        raise Http404("name the other version: ?other=<number>")
    right = selectors.version_get(actor, int(asked))
    context = {
        "left": left,
        "right": right,
        "crumbs": crumbs(
            ("Data", reverse("data")), (left.label, reverse("dataset-detail", args=[pk])), ("difference", "")
        ),
    }
    try:
        found = differences.difference_make(actor, left, right)
    except FileNotFoundError:
        return render(request, "curriculum/version_difference.html", context)
    return render(request, "curriculum/version_difference.html", context | _listed(request, found))


def _listed(request: HttpRequest, found: VersionDifference) -> dict[str, object]:
    """The counts, and the page of ids that the address asks for (without a wish: of the first kind that has any)."""
    domain = request.GET.get("domain") or None
    counts = {kind: found.count(kind, domain) for kind in KINDS}
    wished = [kind for kind in KINDS if kind == request.GET.get("kind")]
    kind = next((kind for kind in wished or KINDS if counts[kind]), (wished or KINDS)[0])
    ids = Window(counts[kind], lambda offset, limit: found.ids(kind, domain, offset, limit))
    return {
        "found": found,
        "total": found.total,
        "counts": counts,
        "kind": kind,
        "domain": domain,
        "page": Paginator(ids, PAGE).get_page(request.GET.get("page")),
    }
