"""Which curriculum was designed from which, as a drawn graph."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from curriculum_app.models import Curriculum
from curriculum_app.selectors.lineage import Edge, Graph, Node, draw

MOST = 60


def curriculum_graph(row: Curriculum) -> Graph | None:
    """All that `row` comes from and all that comes from it; None where it stands alone."""
    family = _family(row)
    rows = {item.pk: item for item in Curriculum.objects.filter(pk__in=family).order_by("-pk")[:MOST]}
    links = [(rows[item.parent_id], item) for item in rows.values() if item.parent_id in rows]
    if not links:
        return None
    edges = [Edge(source, item, _operation(source, item), "", _page(item), None) for source, item in links]
    return draw(list(rows.values()), edges, lambda item, x, y: _node(item, x, y, row), len(family) - len(rows))


def _family(row: Curriculum) -> set[int]:
    """Keys of all curricula of the project that hang together with this one by their parents."""
    pairs = Curriculum.objects.filter(project=row.project_id, parent__isnull=False).values_list("pk", "parent_id")
    near: dict[int, set[int]] = {}
    for child, parent in pairs:
        near.setdefault(child, set()).add(parent)
        near.setdefault(parent, set()).add(child)
    seen, waiting = {row.pk}, [row.pk]
    while waiting:
        new = near.get(waiting.pop(), set()) - seen
        seen |= new
        waiting += new
    return seen


def _operation(source: Curriculum, item: Curriculum) -> str:
    return "next version" if source.name == item.name else "fork"


def _page(row: Curriculum) -> str:
    return reverse("curriculum-detail", args=[row.pk])


def _node(row: Any, x: float, y: float, current: Curriculum) -> Node:
    fact = " · ".join(filter(None, [row.policy, row.created_by, row.created_at.strftime("%-d %b %H:%M")]))
    return Node(row, "curriculum", fact, _page(row), x, y, row.pk == current.pk)
