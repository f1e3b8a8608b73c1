"""The taxonomy: both trees, a page per node, and the forms that change them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from chimera.errors import InputError
from chimera.projects.models import Role
from chimera.projects.request import actor_of, crumbs
from curriculum_app.forms import MoveForm, NodeForm, add_problems
from curriculum_app.models import TaxonomyNode
from curriculum_app.selectors import taxonomy as selectors
from curriculum_app.services import taxonomy as services
from curriculum_app.views.request import page_or_dialog

HISTORY_SHOWN = 30


@require_GET
def taxonomy(request: HttpRequest) -> HttpResponse:
    """Both trees and the latest changes."""
    actor = actor_of(request)
    changes = selectors.history(actor)[:HISTORY_SHOWN]
    context = {"trees": selectors.trees(actor), "changes": changes, "can_edit": actor.can_edit}
    return render(request, "curriculum/taxonomy.html", context)


@require_GET
def node(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """One node: where it hangs, what it says, what is below it, what happened to it."""
    actor = actor_of(request)
    found = selectors.node_get(actor, uuid)
    context = {
        "node": found,
        "children": selectors.children(found),
        "below": selectors.descendant_count(found),
        "changes": selectors.history(actor, found)[:HISTORY_SHOWN],
        "can_edit": actor.can_edit,
        "crumbs": _trail(found),
    }
    return render(request, "curriculum/taxonomy_node.html", context)


@require_http_methods(["GET", "POST"])
def node_add(request: HttpRequest) -> HttpResponse:
    """Add a node: `?kind=capability` at the top of a tree, `?parent=<uuid>` under a node."""
    actor = actor_of(request)
    actor.require(Role.EDITOR)
    parent = _parent(request)
    kind = parent.kind if parent else request.GET.get("kind", TaxonomyNode.Kind.CAPABILITY)
    form = NodeForm(request.POST or None)
    if form.is_valid():
        try:
            made = services.node_add(actor, kind=kind, parent=parent, **form.cleaned_data)
        except InputError as error:
            add_problems(form, error)
        else:
            return _done(request, f"Added “{made.name}”.", _url(parent) if parent else reverse("taxonomy"))
    title = f"Add under “{parent.name}”" if parent else f"Add to the {kind} tree"
    return _form(request, title, form, _trail(parent) if parent else _trail_root(), "Add")


@require_http_methods(["GET", "POST"])
def node_edit(request: HttpRequest, uuid: UUID) -> HttpResponse:
    actor = actor_of(request)
    actor.require(Role.EDITOR)
    found = selectors.node_get(actor, uuid)
    initial = {field: getattr(found, field) for field in services.EDITABLE}
    form = NodeForm(request.POST or None, initial=initial)
    if form.is_valid():
        try:
            services.node_edit(actor, found, **form.cleaned_data)
        except InputError as error:
            add_problems(form, error)
        else:
            return _done(request, f"Saved “{form.cleaned_data['name']}”.", _url(found))
    return _form(request, f"Edit “{found.name}”", form, _trail(found, linked=True), "Save")


@require_http_methods(["GET", "POST"])
def node_move(request: HttpRequest, uuid: UUID) -> HttpResponse:
    actor = actor_of(request)
    actor.require(Role.EDITOR)
    found = selectors.node_get(actor, uuid)
    above = selectors.ancestors(found)
    targets = selectors.move_targets(actor, found)
    form = MoveForm(request.POST or None, targets=targets, initial={"parent": str(above[-1].uuid) if above else ""})
    if form.is_valid():
        try:
            chosen = form.cleaned_data["parent"]
            services.node_move(actor, found, selectors.node_get(actor, UUID(chosen)) if chosen else None)
        except InputError as error:
            add_problems(form, error)
        else:
            return _done(request, f"Moved “{found.name}”.", _url(found))
    return _form(request, f"Move “{found.name}”", form, _trail(found, linked=True), "Move")


@require_http_methods(["GET", "POST"])
def node_delete(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Ask, saying how much goes, then delete."""
    actor = actor_of(request)
    actor.require(Role.EDITOR)
    found = selectors.node_get(actor, uuid)
    if request.method == "POST":
        gone = services.node_delete(actor, found)
        return _done(request, f"Deleted “{found.name}” ({gone} node{'s' if gone > 1 else ''}).", reverse("taxonomy"))
    context = {
        "title": f"Delete “{found.name}”?",
        "node": found,
        "below": selectors.descendant_count(found),
        "crumbs": _trail(found, linked=True),
        "action": request.get_full_path(),
        "cancel": _url(found),
    }
    return page_or_dialog(request, "curriculum/_taxonomy_delete.html", context)


def _form(request: HttpRequest, title: str, form: Any, trail: list[dict[str, str]], verb: str) -> HttpResponse:
    cancel = trail[-1]["url"] or reverse("taxonomy")
    context = {"title": title, "form": form, "crumbs": trail, "verb": verb, "cancel": cancel}
    return page_or_dialog(request, "partials/edit_form.html", {**context, "action": request.get_full_path()})


def _done(request: HttpRequest, message: str, url: str) -> HttpResponse:
    messages.success(request, message)
    return redirect(url)


def _parent(request: HttpRequest) -> TaxonomyNode | None:
    text = request.GET.get("parent")
    if not text:
        return None
    try:
        return selectors.node_get(actor_of(request), UUID(text))
    except ValueError:
        raise Http404(f"no node {text!r}") from None


def _url(node: TaxonomyNode) -> str:
    return reverse("taxonomy-node", args=[node.uuid])


def _trail_root() -> list[dict[str, str]]:
    return crumbs(("Taxonomy", reverse("taxonomy")))


def _trail(node: TaxonomyNode, linked: bool = False) -> list[dict[str, str]]:
    above = [(item.name, _url(item)) for item in selectors.ancestors(node)]
    return _trail_root() + crumbs(*above, (node.name, _url(node) if linked else ""))
