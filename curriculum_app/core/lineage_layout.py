"""Where the nodes of a directed acyclic graph stand: layers by longest path, few crossings, short edges.

Sugiyama, Tagawa and Toda (1981): layers, orders by barycentres of the neighbours, then positions. An edge that passes a
layer gets a bend there, so it runs around the nodes of that layer.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
_SWEEPS = 6
_Slot = tuple[str, object]  # ("node", key) or ("bend", (number of the edge, layer))


@dataclass(frozen=True)
class Layout(Generic[K]):
    """`places`: key → (layer from 0, position in it from 0, in heights of a node). `routes`: per edge its points."""

    places: dict[K, tuple[int, float]]
    routes: list[list[tuple[int, float]]]

    @property
    def layers(self) -> int:
        return 1 + max((layer for layer, _ in self.places.values()), default=-1)

    @property
    def height(self) -> float:
        """Of the highest layer, in heights of a node."""
        points = [*self.places.values(), *(point for route in self.routes for point in route)]
        return 1 + max((y for _, y in points), default=-1.0)


def layout(nodes: Sequence[K], edges: Sequence[tuple[K, K]]) -> Layout[K]:
    """Place `nodes`; every end of an edge is one of them. Equal input gives an equal layout.

    Raises:
        ValueError: the edges form a circle.
    """
    layer_of = _layers(nodes, edges)
    chains = [_chain(number, edge, layer_of) for number, edge in enumerate(edges)]
    rows: list[list[_Slot]] = [[] for _ in range(1 + max(layer_of.values(), default=-1))]
    for node in nodes:
        rows[layer_of[node]].append(("node", node))
    for chain in chains:
        for layer, slot in chain[1:-1]:
            rows[layer].append(slot)
    near = _neighbours(chains)
    _order(rows, near)
    heights = _heights(rows, near)
    places = {node: (layer_of[node], heights["node", node]) for node in nodes}
    return Layout(places, [[(layer, heights[slot]) for layer, slot in chain] for chain in chains])


def _layers(nodes: Iterable[K], edges: Sequence[tuple[K, K]]) -> dict[K, int]:
    """The length of the longest path that leads to each node."""
    found = dict.fromkeys(nodes, 0)
    for _ in range(len(found) + 1):
        late = [(source, target) for source, target in edges if found[target] <= found[source]]
        if not late:
            return found
        for source, target in late:
            found[target] = max(found[target], found[source] + 1)
    raise ValueError("the edges form a circle")


def _chain(number: int, edge: tuple[K, K], layer_of: dict[K, int]) -> list[tuple[int, _Slot]]:
    """The slots an edge goes through, layer by layer."""
    first, last = layer_of[edge[0]], layer_of[edge[1]]
    bends: list[tuple[int, _Slot]] = [(layer, ("bend", (number, layer))) for layer in range(first + 1, last)]
    return [(first, ("node", edge[0])), *bends, (last, ("node", edge[1]))]


def _neighbours(chains: Iterable[list[tuple[int, _Slot]]]) -> dict[_Slot, tuple[list[_Slot], list[_Slot]]]:
    """Slot → its neighbours in the layer before and in the one after."""
    found: dict[_Slot, tuple[list[_Slot], list[_Slot]]] = {}
    for chain in chains:
        for (_, one), (_, other) in itertools.pairwise(chain):
            found.setdefault(one, ([], []))[1].append(other)
            found.setdefault(other, ([], []))[0].append(one)
    return found


def _order(rows: list[list[_Slot]], near: dict[_Slot, tuple[list[_Slot], list[_Slot]]]) -> None:
    """Sort each layer by the mean position of its neighbours, forwards and backwards; the best order seen stays."""
    best, fewest = [list(row) for row in rows], _crossings(rows, near)
    for sweep in range(_SWEEPS):
        side = sweep % 2
        for row in rows if side == 0 else reversed(rows):
            position = {slot: index for line in rows for index, slot in enumerate(line)}
            row.sort(
                key=lambda slot: _mean([position[other] for other in near.get(slot, ([], []))[side]], position[slot])
            )
        crossings = _crossings(rows, near)
        if crossings < fewest:
            best, fewest = [list(row) for row in rows], crossings
    rows[:] = best


def _crossings(rows: list[list[_Slot]], near: dict[_Slot, tuple[list[_Slot], list[_Slot]]]) -> int:
    """How many pairs of edges between neighbouring layers cross."""
    total = 0
    for row, following in itertools.pairwise(rows):
        position = {slot: index for index, slot in enumerate(following)}
        ends = [sorted(position[other] for other in near.get(slot, ([], []))[1]) for slot in row]
        flat = [end for group in ends for end in group]
        total += sum(later < end for index, end in enumerate(flat) for later in flat[index + 1 :])
    return total


def _heights(rows: list[list[_Slot]], near: dict[_Slot, tuple[list[_Slot], list[_Slot]]]) -> dict[_Slot, float]:
    """Positions in the order found, at least 1 apart, drawn towards the neighbours."""
    found = {slot: float(index) for row in rows for index, slot in enumerate(row)}
    for sweep in range(_SWEEPS):
        side = sweep % 2
        for row in rows if side == 0 else reversed(rows):
            wished = [_mean([found[other] for other in near.get(slot, ([], []))[side]], found[slot]) for slot in row]
            for slot, height in zip(row, _apart(wished), strict=True):
                found[slot] = height
    lowest = min(found.values(), default=0.0)
    return {slot: round(height - lowest, 3) for slot, height in found.items()}


def _apart(wished: list[float]) -> list[float]:
    """The heights next to `wished` that are at least 1 apart, moved as a whole to where they were wished on average."""
    heights: list[float] = []
    for wish in wished:
        heights.append(max(wish, heights[-1] + 1) if heights else wish)
    moved = _mean([wish - height for wish, height in zip(wished, heights, strict=True)], 0.0)
    return [height + moved for height in heights]


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
