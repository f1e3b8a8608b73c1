"""Which items and held-out domains test which node: the project's tags, and those that tasks bring themselves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import QuerySet

from chimera.projects.access import Actor
from curriculum_app.models import TaxonomyNode
from eval_app.core.skills import Tag
from eval_app.core.tasks.bundled import bundled_tasks
from eval_app.models import SkillTag


@dataclass(frozen=True)
class NodeTag:
    """A tag as a page shows it; `row` is None for one that comes from a task's definition or a domain's name."""

    of: str
    name: str
    pattern: str
    node: TaxonomyNode
    row: SkillTag | None = None


class Tree:
    """The nodes of a project by path, read once. `inner` are the paths of nodes with nodes below them."""

    def __init__(self, nodes: Iterable[TaxonomyNode]) -> None:
        self.nodes = list(nodes)
        self.by_path = {node.path: node for node in self.nodes}
        self.inner = {path for node in self.nodes for path in self.paths(node)[:-1]}

    def above(self) -> dict[str, list[str]]:
        """Node → itself and every node over it, by uuid."""
        return {str(node.uuid): [str(self.by_path[path].uuid) for path in self.paths(node)] for node in self.nodes}

    def paths(self, node: TaxonomyNode) -> list[str]:
        """Of the nodes over it from the root down, and its own."""
        ends = range(node.steplen, len(node.path) + 1, node.steplen)
        return [node.path[:end] for end in ends if node.path[:end] in self.by_path]

    def leaves_under(self) -> dict[str, list[str]]:
        """Path → the leaves at or below it, by uuid."""
        found: dict[str, list[str]] = {}
        for node in self.nodes:
            for path in [] if node.path in self.inner else self.paths(node):
                found.setdefault(path, []).append(str(node.uuid))
        return found

    def slugs(self) -> dict[str, TaxonomyNode]:
        """`reasoning/mathematical` → node."""
        return {"/".join(self.by_path[path].slug for path in self.paths(node)): node for node in self.nodes}


def tree_of(actor: Actor) -> Tree:
    return Tree(TaxonomyNode.objects.filter(project=actor.project).order_by("path"))


def tag_rows(actor: Actor) -> QuerySet[SkillTag]:
    return SkillTag.objects.filter(project=actor.project).select_related("node")


def tags_of(actor: Actor, tree: Tree, domains: Iterable[str] = ()) -> list[NodeTag]:
    """Rows first; then what tasks say of themselves, and domains named as a node, where there is no row for them."""
    rows = [NodeTag(row.of, row.name, row.pattern, row.node, row) for row in tag_rows(actor)]
    told = {(tag.of, tag.name) for tag in rows}
    slugs = tree.slugs()
    by_slug = {node.slug: node for node in reversed(tree.nodes)}
    for task, definition in bundled_tasks().items():
        if ("task", task) not in told:
            found = (slugs.get(path) for path in definition.metadata.skills)
            rows += [NodeTag("task", task, "*", node) for node in found if node]
    rows += [
        NodeTag("domain", domain, "*", by_slug[domain])
        for domain in domains
        if ("domain", domain) not in told and domain in by_slug
    ]
    return rows


def task_tags(tags: Iterable[NodeTag]) -> list[Tag]:
    return [Tag(str(tag.node.uuid), tag.name, tag.pattern) for tag in tags if tag.of == "task"]


def domain_nodes(tags: Iterable[NodeTag], above: dict[str, list[str]]) -> dict[str, list[str]]:
    """Node → the held-out domains that test it or a node below it."""
    found: dict[str, list[str]] = {}
    for tag in tags:
        for node in above.get(str(tag.node.uuid), ()) if tag.of == "domain" else ():
            if tag.name not in found.setdefault(node, []):
                found[node].append(tag.name)
    return found
