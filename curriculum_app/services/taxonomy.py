"""Edits of the taxonomy: add, edit, move, delete, import. Each writes its line of history."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction
from django.utils.text import slugify

from chimera.errors import InputError, Problem
from chimera.projects.access import Actor
from chimera.projects.models import Role
from curriculum_app.models import TaxonomyChange, TaxonomyNode

tree = TaxonomyNode.objects
EDITABLE = ("name", "slug", "description", "weight", "target_count")


def node_add(
    actor: Actor,
    *,
    kind: str,
    parent: TaxonomyNode | None = None,
    name: str,
    slug: str = "",
    description: str = "",
    weight: float = 1.0,
    target_count: int = 0,
) -> TaxonomyNode:
    """A new node under `parent` (of the same kind), or at the top of the tree of `kind`."""
    actor.require(Role.EDITOR)
    with _exclusive():
        parent = None if parent is None else _fresh(actor, parent)
        kind = kind if parent is None else parent.kind
        values = _checked(actor, kind, parent, name=name, slug=slug, weight=weight, target_count=target_count)
        node = _insert(actor, kind, parent, {**values, "description": description})
        _record(actor, node, "add", path=path_of(node))
        return node


def node_edit(actor: Actor, node: TaxonomyNode, **values: Any) -> TaxonomyNode:
    """Change any of `EDITABLE`; the history keeps what each was before."""
    actor.require(Role.EDITOR)
    with _exclusive():
        node = _fresh(actor, node)
        before = {field: getattr(node, field) for field in EDITABLE}
        wanted = {**before, **values}
        checked = {k: wanted[k] for k in ("name", "slug", "weight", "target_count")}
        wanted |= _checked(actor, node.kind, tree.get_parent(node), but=node, **checked)
        changed = {field: [before[field], wanted[field]] for field in EDITABLE if before[field] != wanted[field]}
        if not changed:
            return node
        for field in changed:
            setattr(node, field, wanted[field])
        node.save()
        _record(actor, node, "edit", path=path_of(node), changed=changed)
        return node


def node_move(actor: Actor, node: TaxonomyNode, parent: TaxonomyNode | None) -> TaxonomyNode:
    """Hang `node` with all below it under `parent`, or at the top of its tree.

    Raises:
        InputError: `parent` is the node itself or below it, of the other tree, or has a child of that slug.
    """
    actor.require(Role.EDITOR)
    with _exclusive():
        node = _fresh(actor, node)
        parent = None if parent is None else _fresh(actor, parent)
        _check_move(node, parent)
        _check_slug(actor, node.kind, parent, node.slug, but=node)
        before = path_of(node)
        if parent is None:
            tree.move(node, tree.get_root(node), "sorted-sibling")
        else:
            tree.move(node, parent, "sorted-child")
        node.refresh_from_db()
        _record(actor, node, "move", path=path_of(node), before=before)
        return node


def node_delete(actor: Actor, node: TaxonomyNode) -> int:
    """Delete `node` and all below it; how many nodes went. The history keeps their names."""
    actor.require(Role.EDITOR)
    with _exclusive():
        node = _fresh(actor, node)
        below = list(tree.get_descendants(node).values_list("name", flat=True))
        _record(actor, node, "delete", path=path_of(node), descendants=below)
        node.delete()
        return 1 + len(below)


def import_tree(actor: Actor, nodes: Iterable[Mapping[str, Any]]) -> int:
    """Add every one of `nodes` that is not there yet (same slug under the same parent); how many were added.

    A node is `{slug, name, kind, description, weight, target_count, children}`; children are of their parent's kind.
    """
    actor.require(Role.EDITOR)
    with _exclusive():
        added = sum(_import_node(actor, item, item["kind"], None) for item in nodes)
        if added:
            TaxonomyChange.objects.create(
                project=actor.project, node_uuid=_NO_NODE, action="import", actor=actor.name, detail={"nodes": added}
            )
        return added


_NO_NODE = "00000000-0000-0000-0000-000000000000"


def path_of(node: TaxonomyNode) -> str:
    """The names from the root to `node`: "Reasoning / Arithmetic / Long division"."""
    return " / ".join([*tree.get_ancestors(node).values_list("name", flat=True), node.name])


def _import_node(actor: Actor, item: Mapping[str, Any], kind: str, parent: TaxonomyNode | None) -> int:
    node = _siblings(actor, kind, parent).filter(slug=item["slug"]).first()
    added = node is None
    if node is None:
        given = {key: item[key] for key in ("slug", "weight", "target_count") if key in item}
        values = _checked(actor, kind, parent, name=item["name"], **given)
        node = _insert(actor, kind, parent, {**values, "description": item.get("description", "")})
    return added + sum(_import_node(actor, child, kind, node) for child in item.get("children", []))


@contextmanager
def _exclusive() -> Iterator[None]:
    """One edit at a time: paths of a materialised-path tree are computed from what the table holds."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            table = connection.ops.quote_name(TaxonomyNode._meta.db_table)
            cursor.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")
        yield


def _fresh(actor: Actor, node: TaxonomyNode) -> TaxonomyNode:
    found: TaxonomyNode | None = tree.filter(project=actor.project, uuid=node.uuid).first()
    if found is None:
        raise InputError(f"“{node.name}” is not in the taxonomy any more", hint="load the page again")
    return found


def _insert(actor: Actor, kind: str, parent: TaxonomyNode | None, values: dict[str, Any]) -> TaxonomyNode:
    node = TaxonomyNode(project=actor.project, kind=kind, **values)
    if parent is None:
        tree.add_root(instance=node)
    else:
        tree.add_child(tree.get(pk=parent.pk), instance=node)  # numchild of a stale instance would be wrong
    return node


def _siblings(actor: Actor, kind: str, parent: TaxonomyNode | None) -> Any:
    if parent is not None:
        return tree.get_children(parent)
    return tree.filter(project=actor.project, kind=kind, depth=1)


def _checked(
    actor: Actor,
    kind: str,
    parent: TaxonomyNode | None,
    *,
    name: str,
    slug: str = "",
    weight: float = 1.0,
    target_count: int = 0,
    but: TaxonomyNode | None = None,
) -> dict[str, Any]:
    name = name.strip()
    slug = slugify(slug or name)
    problems = []
    if kind not in TaxonomyNode.Kind.values:
        problems.append(Problem(f"unknown tree {kind!r}", field="kind", hint="capability or safety"))
    if not name:
        problems.append(Problem("a node needs a name", field="name"))
    elif not slug:
        problems.append(Problem("no slug can be made of this name", field="slug", hint="give one: letters, digits, -"))
    if weight < 0:
        problems.append(Problem("a weight is not negative", field="weight"))
    if target_count < 0:
        problems.append(Problem("a number of items is not negative", field="target_count"))
    if problems:
        raise InputError(problems)
    _check_slug(actor, kind, parent, slug, but=but)
    return {"name": name, "slug": slug, "weight": weight, "target_count": target_count}


def _check_slug(
    actor: Actor, kind: str, parent: TaxonomyNode | None, slug: str, but: TaxonomyNode | None = None
) -> None:
    others = _siblings(actor, kind, parent).filter(slug=slug)
    if but is not None:
        others = others.exclude(pk=but.pk)
    if others.exists():
        where = f"under “{parent.name}”" if parent else f"at the top of the {kind} tree"
        raise InputError(Problem(f"there is a node {slug!r} {where} already", field="slug", hint="choose another slug"))


def _check_move(node: TaxonomyNode, parent: TaxonomyNode | None) -> None:
    if parent is None:
        return
    if parent.kind != node.kind:
        raise InputError(Problem(f"a {node.kind} node cannot go into the {parent.kind} tree", field="parent"))
    if parent.pk == node.pk or parent.is_descendant_of(node):
        raise InputError(Problem("a node cannot go under itself or a node below it", field="parent"))


def _record(actor: Actor, node: TaxonomyNode, action: str, **detail: Any) -> None:
    TaxonomyChange.objects.create(
        project=actor.project, node_uuid=node.uuid, action=action, actor=actor.name, detail=detail
    )
