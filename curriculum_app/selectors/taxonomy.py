"""Reads of the taxonomy: the two trees, one node, its history."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404

from chimera.projects.access import Actor
from curriculum_app.models import TaxonomyChange, TaxonomyNode


@dataclass
class Branch:
    """A node with the branches below it, sorted by name."""

    node: TaxonomyNode
    children: list[Branch] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Nodes below this one, on all levels."""
        return sum(1 + child.size for child in self.children)

    def walk(self) -> Iterator[TaxonomyNode]:
        """This node, then those below it, depth first."""
        yield self.node
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True)
class Tree:
    """One of the two trees of a project."""

    kind: str
    branches: list[Branch]

    @property
    def size(self) -> int:
        return sum(1 + branch.size for branch in self.branches)


def trees(actor: Actor) -> list[Tree]:
    """The capability tree, then the safety tree (one query)."""
    roots: dict[str, list[Branch]] = {kind: [] for kind in TaxonomyNode.Kind.values}
    by_path: dict[str, Branch] = {}
    for node in TaxonomyNode.objects.filter(project=actor.project).order_by("path"):
        branch = by_path[node.path] = Branch(node)
        above = by_path.get(node.path[: -TaxonomyNode.steplen])
        (roots[node.kind] if above is None else above.children).append(branch)
    # Renaming leaves a node at its place in the path order, so the order of names is made here.
    for branch in by_path.values():
        branch.children.sort(key=_by_name)
    return [Tree(kind, sorted(branches, key=_by_name)) for kind, branches in roots.items()]


def node_get(actor: Actor, uuid: UUID) -> TaxonomyNode:
    """The node of this project, or 404."""
    node: TaxonomyNode = get_object_or_404(TaxonomyNode, project=actor.project, uuid=uuid)
    return node


def children(node: TaxonomyNode) -> list[TaxonomyNode]:
    return sorted(TaxonomyNode.objects.get_children(node), key=lambda child: child.name.casefold())


def ancestors(node: TaxonomyNode) -> list[TaxonomyNode]:
    """From the top of the tree to the node's parent."""
    return list(TaxonomyNode.objects.get_ancestors(node))


def descendant_count(node: TaxonomyNode) -> int:
    count: int = TaxonomyNode.objects.get_descendants(node).count()
    return count


def move_targets(actor: Actor, node: TaxonomyNode) -> list[tuple[str, str]]:
    """`(uuid, indented name)` of every node that `node` may hang under."""
    tree = next(tree for tree in trees(actor) if tree.kind == node.kind)
    nodes = (found for branch in tree.branches for found in branch.walk())
    return [
        (str(found.uuid), "\u2003" * (found.depth - 1) + found.name)
        for found in nodes
        if not found.path.startswith(node.path)
    ]


def history(actor: Actor, node: TaxonomyNode | None = None) -> QuerySet[TaxonomyChange]:
    """Changes of the whole taxonomy or of one node, newest first."""
    changes = TaxonomyChange.objects.filter(project=actor.project)
    return changes if node is None else changes.filter(node_uuid=node.uuid)


def _by_name(branch: Branch) -> str:
    return branch.node.name.casefold()
