"""What is done with whole dataset versions: compare two, take one away, name one with a tag."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET, require_POST

from chimera.errors import InputError
from chimera.projects.access import Actor
from chimera.projects.request import actor_of, crumbs
from curriculum_app.core.version_difference import KINDS, VersionDifference
from curriculum_app.core.version_export import CONTENT_TYPES, EXPORTS
from curriculum_app.models import DatasetVersion
from curriculum_app.selectors import datasets as selectors
from curriculum_app.selectors.window import Window
from curriculum_app.services import datasets as services
from curriculum_app.services import differences, tags

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


@require_GET
def export(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """The documents as one file, `?format=` one of `EXPORTS`; sent while it is made, so memory stays flat."""
    actor = actor_of(request)
    version = selectors.version_get(actor, pk)
    name = request.GET.get("format", "")
    if name not in EXPORTS:
        raise Http404(f"name a format: {', '.join(EXPORTS)}")
    try:
        pieces = services.version_export(actor, version, name)
    except FileNotFoundError as error:
        raise Http404(f"the files of {version} are not on this machine") from error
    file = services.safe_name(f"{version.name.replace('/', '_')}-v{version.version}.{name}")
    return StreamingHttpResponse(
        _off_the_loop(pieces),
        content_type=CONTENT_TYPES[name],
        headers={"Content-Disposition": content_disposition_header(as_attachment=True, filename=file)},
    )


@require_POST
def tag(request: HttpRequest, pk: int) -> HttpResponse:
    """Set the tag `name` on this version, or move it here."""
    return _tagged(request, pk, tags.tag_put)


@require_POST
def untag(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove the tag `name` from this version."""
    return _tagged(request, pk, tags.tag_remove)


def _tagged(request: HttpRequest, pk: int, change: Callable[[Actor, DatasetVersion, str], None]) -> HttpResponse:
    actor = actor_of(request)
    version = selectors.version_get(actor, pk)
    try:
        change(actor, version, request.POST.get("name", ""))
    except InputError as error:
        for problem in error.problems:
            messages.error(request, f"{problem.message}: {problem.hint}" if problem.hint else problem.message)
    return redirect("dataset-detail", pk=pk)


async def _off_the_loop(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Django would read a plain iterator to its end before it sends the first byte to an ASGI server."""
    following = sync_to_async(lambda: next(pieces, None), thread_sensitive=False)
    while (piece := await following()) is not None:
        yield piece


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
