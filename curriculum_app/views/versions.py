"""What is done with whole dataset versions: compare, verify, delete, take away, name one with a tag."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from chimera.errors import InputError
from chimera.jobs import deletion
from chimera.projects.access import Actor
from chimera.projects.models import Role
from chimera.projects.request import actor_of, crumbs, off_the_loop
from chimera.uploads import safe_name
from curriculum_app.core.recipe_difference import recipe_difference
from curriculum_app.core.text_difference import text_difference
from curriculum_app.core.version_difference import KINDS, VersionDifference
from curriculum_app.core.version_export import CONTENT_TYPES, EXPORTS
from curriculum_app.models import DatasetVersion
from curriculum_app.selectors import datasets as selectors
from curriculum_app.selectors import versions as facts
from curriculum_app.selectors.lineage import lineage_graph
from curriculum_app.selectors.token_tables import token_differences
from curriculum_app.selectors.window import Window
from curriculum_app.services import datasets as services
from curriculum_app.services import tags
from curriculum_app.services import versions as changes
from curriculum_app.views.request import page_or_dialog

PAGE = 50


@require_http_methods(["GET", "POST"])
def difference(request: HttpRequest, pk: int) -> HttpResponse:
    """Documents added, removed and changed from this version to `?other=<pk>`; `&kind=` and `&domain=` list ids.

    Large versions are compared by a job: POST starts it, GET shows how far it is and then the result.
    """
    actor = actor_of(request)
    left, right = _pair(request, actor, pk)
    if request.method == "POST":
        changes.compare(actor, left, right)
        return redirect(f"{reverse('dataset-difference', args=[pk])}?other={right.pk}")
    context: dict[str, Any] = {"left": left, "right": right, "crumbs": _crumbs(left, ("difference", ""))}
    try:
        found = changes.difference_make(actor, left, right)
    except FileNotFoundError:
        return render(request, "curriculum/version_difference.html", context | {"away": True})
    if found is None:
        return _while_comparing(request, context | {"job": facts.comparing(left, right)})
    if request.headers.get("HX-Request"):
        return HttpResponse(headers={"HX-Refresh": "true"})
    context |= _listed(request, found) | {
        "recipe": recipe_difference(left.manifest.get("recipe", {}), right.manifest.get("recipe", {})),
        "tokens": token_differences(actor.project, left, right),
        "can_edit": actor.can_edit,
    }
    return render(request, "curriculum/version_difference.html", context)


def _while_comparing(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    part = bool(request.headers.get("HX-Request"))
    return render(request, f"curriculum/{'_comparing' if part else 'version_difference'}.html", context)


@require_GET
def lineage(request: HttpRequest) -> HttpResponse:
    """What was made from what in the whole project, or around `?version=<pk>`."""
    actor = actor_of(request)
    asked = request.GET.get("version", "")
    around = selectors.version_get(actor, int(asked)) if asked.isdecimal() and len(asked) < 19 else None
    here = ("lineage", "")
    trail = crumbs(("Data", reverse("data")), here) if around is None else _crumbs(around, here)
    context = {"graph": lineage_graph(actor, around), "around": around, "crumbs": trail}
    return render(request, "curriculum/lineage.html", context)


@require_GET
def changed_document(request: HttpRequest, pk: int) -> HttpResponse:
    """A document of both versions side by side, `?other=&id=&domain=`, with the words that differ marked."""
    actor = actor_of(request)
    left, right = _pair(request, actor, pk)
    wanted = request.GET.get("id", ""), request.GET.get("domain") or None
    opened = [selectors.opened(version) for version in (left, right)]
    shown = [version.find(*wanted) if version is not None else None for version in opened]
    texts = [getattr(item, "text", None) for item in shown]
    if texts[0] is None or texts[1] is None:
        raise Http404("no such document in both versions")
    back = f"{reverse('dataset-difference', args=[pk])}?other={right.pk}&kind=changed"
    context = {
        "left": left,
        "right": right,
        "shown": shown,
        "words": text_difference(texts[0], texts[1]),
        "crumbs": _crumbs(left, ("difference", back), (wanted[0], "")),
    }
    return render(request, "curriculum/changed_document.html", context)


@require_http_methods(["GET", "POST"])
def verify(request: HttpRequest, pk: int) -> HttpResponse:
    """POST reads every file again, in a job; GET answers htmx with how far it is or what it found."""
    actor = actor_of(request)
    version = selectors.version_get(actor, pk)
    if request.method == "POST":
        try:
            changes.verify(actor, version)
        except InputError as error:
            _tell(request, error)
        return redirect(f"{reverse('dataset-detail', args=[pk])}#files")
    return render(request, "partials/verification.html", care(version))


def care(version: DatasetVersion) -> dict[str, Any]:
    """What the page of a version shows of its verification."""
    return {
        "verification": facts.verification(version),
        "verifying": facts.verifying(version),
        "verify_url": reverse("dataset-verify", args=[version.pk]),
        "verified_too": ", and every record",
    }


@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask with what depends on it, and delete: the manifest stays, the files go when nothing needs them."""
    actor = actor_of(request)
    actor.require(Role.EDITOR)
    version = selectors.version_get(actor, pk)
    back = reverse("dataset-detail", args=[pk])
    if request.method == "POST":
        try:
            deletion.delete(actor, version)
        except InputError as error:
            _tell(request, error)
        return redirect(back)
    context = {
        "title": f"Delete {version.label}?",
        "version": version,
        "dependents": facts.dependents(version),
        "problems": deletion.refusals(version),
        "cancel": back,
        "crumbs": _crumbs(version, ("delete", "")),
    }
    return page_or_dialog(request, "curriculum/_version_delete.html", context)


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
    file = safe_name(f"{version.name.replace('/', '_')}-v{version.version}.{name}")
    return StreamingHttpResponse(
        off_the_loop(pieces),
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
        _tell(request, error)
    return redirect("dataset-detail", pk=pk)


def _tell(request: HttpRequest, error: InputError) -> None:
    for problem in error.problems:
        messages.error(request, f"{problem.message}: {problem.hint}" if problem.hint else problem.message)


def _pair(request: HttpRequest, actor: Actor, pk: int) -> tuple[DatasetVersion, DatasetVersion]:
    """This version and the one that `?other=` names."""
    left = selectors.version_get(actor, pk)
    asked = request.GET.get("other", "")
    if not asked.isdecimal() or len(asked) > 18:
        raise Http404("name the other version: ?other=<number>")
    return left, selectors.version_get(actor, int(asked))


def _crumbs(version: DatasetVersion, *further: tuple[str, str]) -> list[dict[str, str]]:
    return crumbs(("Data", reverse("data")), (version.label, reverse("dataset-detail", args=[version.pk])), *further)


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
