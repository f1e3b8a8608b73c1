"""The lineage of dataset versions as a drawn graph: what was made from what, by which operation, with which counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import F, QuerySet
from django.urls import reverse

from chimera.format import compact, grouped
from chimera.jobs.models import Artefact
from chimera.projects.access import Actor
from curriculum_app.core.lineage_layout import layout
from curriculum_app.models import Curriculum, DatasetVersion, Schedule, SequenceSet

MOST = 200  # dataset versions in one graph, the newest ones
WIDTH, HEIGHT, GAP, SPACE, MARGIN = 196, 44, 150, 22, 10  # of a node, between layers and nodes, around; in pixels


@dataclass(frozen=True)
class Node:
    """One stored thing. `x`, `y`: its upper left corner."""

    row: Artefact | Curriculum
    kind: str
    fact: str
    href: str
    x: float
    y: float
    current: bool


@dataclass(frozen=True)
class Edge:
    """One operation. `source` is None for an import, which reads files. `path` is SVG; the label stands at `at`."""

    source: Artefact | Curriculum | None
    target: Artefact | Curriculum
    operation: str
    counts: str
    href: str
    job: int | None
    path: str = ""
    at: tuple[float, float] = (0, 0)
    anchor: str = "start"


@dataclass(frozen=True)
class Graph:
    """A drawing of `width` × `height` pixels. `left_out`: how many older dataset versions it lacks."""

    nodes: list[Node]
    edges: list[Edge]
    drawn: list[Edge]
    width: float
    height: float
    left_out: int


def lineage_graph(actor: Actor, around: DatasetVersion | None = None) -> Graph:
    """Of the whole project, or of what `around` was made from and what was made from it."""
    rows = _datasets(actor)
    parents = _parents(actor)
    if around is not None:
        family = _family(around.pk, parents)
        rows = rows.filter(pk__in=family)
    datasets = {row.pk: row for row in rows[:MOST]}
    left_out = rows.count() - len(datasets) if len(datasets) == MOST else 0
    sets = {row.pk: row for row in SequenceSet.objects.filter(dataset__in=datasets).defer("manifest").order_by("-pk")}
    schedules = list(Schedule.objects.filter(sequence_set__in=sets).defer("manifest").order_by("-pk"))
    edges = [edge for row in datasets.values() for edge in _dataset_edges(row, datasets, parents)]
    edges += [_edge(datasets[row.dataset_id], row, "group", _sequences(row)) for row in sets.values()]
    edges += [_edge(sets[row.sequence_set_id], row, "schedule", _tokens(row, sets)) for row in schedules]
    rows_of_all = [*datasets.values(), *sets.values(), *schedules]
    return draw(rows_of_all, edges, lambda row, x, y: _node(row, x, y, around), left_out)


def _datasets(actor: Actor) -> QuerySet[Any]:
    rows = DatasetVersion.objects.filter(project=actor.project).annotate(op=F("manifest__recipe__op"))
    return rows.defer("manifest").order_by("-pk")


def _parents(actor: Actor) -> dict[int, list[int]]:
    """Dataset version → those it was made from."""
    children = DatasetVersion.objects.filter(project=actor.project, parents__isnull=False)
    found: dict[int, list[int]] = {}
    for child, parent in children.order_by("pk", "parents__pk").values_list("pk", "parents__pk"):
        found.setdefault(child, []).append(parent)
    return found


def _family(start: int, parents: dict[int, list[int]]) -> set[int]:
    """A version with all it was made from and all that was made from it."""
    children: dict[int, list[int]] = {}
    for child, found in parents.items():
        for parent in found:
            children.setdefault(parent, []).append(child)
    return _reached(start, parents) | _reached(start, children)


def _reached(start: int, following: dict[int, list[int]]) -> set[int]:
    seen, waiting = {start}, [start]
    while waiting:
        new = [key for key in following.get(waiting.pop(), []) if key not in seen]
        seen.update(new)
        waiting += new
    return seen


def _dataset_edges(row: Any, datasets: dict[int, Any], parents: dict[int, list[int]]) -> list[Edge]:
    made_from = [datasets[key] for key in parents.get(row.pk, []) if key in datasets]
    operation = str(row.op or {"raw": "import", "curated": "curate"}.get(row.stage, row.stage))
    if not made_from:
        return [_edge(None, row, operation, f"{grouped(row.documents)} documents")]
    return [_edge(each, row, operation, f"{grouped(each.documents)} → {grouped(row.documents)}") for each in made_from]


def _edge(source: Artefact | None, target: Artefact, operation: str, counts: str) -> Edge:
    return Edge(source, target, operation, counts, _page(target), target.job_id)


def _sequences(row: SequenceSet) -> str:
    return f"{compact(row.sequences)} sequences"


def _tokens(row: Schedule, sets: dict[int, SequenceSet]) -> str:
    return f"{compact(sets[row.sequence_set_id].tokens)} → {compact(row.budget_tokens)} tokens"


def _page(row: Artefact) -> str:
    return reverse(f"{row.ref_kind}-detail", args=[row.pk])


def draw(rows: list[Any], edges: list[Edge], node: Callable[[Any, float, float], Node], left_out: int = 0) -> Graph:
    """Place `rows`, oldest first, in layers along `edges`; `node` makes the box of a row at its upper left corner."""
    links = [edge for edge in edges if edge.source is not None]
    rows = sorted(rows, key=lambda row: row.created_at)
    placed = layout([row.uid for row in rows], [(edge.source.uid, edge.target.uid) for edge in links if edge.source])
    nodes = [node(row, *_corner(*placed.places[row.uid])) for row in rows]
    drawn = [_routed(edge, route, links) for edge, route in zip(links, placed.routes, strict=True)]
    width = 2 * MARGIN + placed.layers * (WIDTH + GAP) - GAP
    height = 2 * MARGIN + placed.height * (HEIGHT + SPACE) - SPACE
    return Graph(nodes, edges, drawn, width, round(height, 1), left_out)


def _node(row: Any, x: float, y: float, around: DatasetVersion | None) -> Node:
    facts = {
        "dataset": lambda: f"{row.stage} · {grouped(row.documents)} documents",
        "sequences": lambda: f"{compact(row.sequences)} sequences, {compact(row.tokens)} tokens",
        "schedule": lambda: f"order of {compact(row.budget_tokens)} tokens",
    }
    fact = facts[row.ref_kind]()
    return Node(row, row.ref_kind, fact, _page(row), x, y, around is not None and row.uid == around.uid)


def _corner(layer: int, position: float) -> tuple[float, float]:
    return MARGIN + layer * (WIDTH + GAP), round(MARGIN + position * (HEIGHT + SPACE), 1)


def _routed(edge: Edge, route: list[tuple[int, float]], links: list[Edge]) -> Edge:
    """The edge with its line: curves between layers, straight past the nodes of a layer it skips."""
    corners = [_corner(*point) for point in route]
    middle = HEIGHT / 2
    x, y = corners[0][0] + WIDTH, corners[0][1] + middle
    path = f"M{x:g} {y:g}"
    for number, (left, top) in enumerate(corners[1:], start=2):
        bend = (x + left) / 2
        path += f"C{bend:g} {y:g} {bend:g} {top + middle:g} {left:g} {top + middle:g}"
        x, y = left, top + middle
        if number < len(corners):
            x += WIDTH
            path += f"H{x:g}"
    fans_out = sum(other.source == edge.source for other in links) > 1
    fans_in = sum(other.target == edge.target for other in links) > 1
    at_target = fans_out and not fans_in
    at = (x - 10, y - 5) if at_target else (corners[0][0] + WIDTH + 6, corners[0][1] + middle - 5)
    said = {**vars(edge), "path": path, "at": at, "anchor": "end" if at_target else "start"}
    return Edge(**said)
