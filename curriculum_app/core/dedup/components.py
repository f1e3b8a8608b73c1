"""Connected components of similar pairs: which document stays, and the edge by which each other one hangs on."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Link:
    """Documents `number` and `other` have exact similarity `jaccard`, which reaches the threshold."""

    number: int
    other: int
    jaccard: float


def one_per_component(links: Iterable[Link], visit: Sequence[int]) -> Iterator[tuple[int, int, Link]]:
    """`(removed, kept, link)` for every linked document but the first one in `visit` of each component.

    The link is the first step of a shortest way to the kept document: `link.number` is the removed document itself.
    """
    neighbours: dict[int, list[Link]] = {}
    for link in links:
        neighbours.setdefault(link.number, []).append(link)
        neighbours.setdefault(link.other, []).append(Link(link.other, link.number, link.jaccard))
    reached: set[int] = set()
    for kept in visit:
        if kept in reached or kept not in neighbours:
            continue
        reached.add(kept)
        waiting = deque([kept])
        while waiting:
            at = waiting.popleft()
            for link in neighbours[at]:
                if link.other not in reached:
                    reached.add(link.other)
                    waiting.append(link.other)
                    yield link.other, kept, Link(link.other, at, link.jaccard)
