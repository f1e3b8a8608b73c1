"""Skills: items and held-out domains counted to the nodes of a taxonomy, and what a model reaches there (pure).

A tag says that the items of a task (those whose id fits a pattern) test a node. An item counts once at its node and
once at every node above it, however many tags lead there.
"""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from eval_app.core.statistics import McNemar, mcnemar
from eval_app.core.task_scores import interval

FEW_ITEMS = 30  # below it a cell says so (data.md 9.9)
RANKS_AT_LEAST = 5  # nodes that a rank correlation needs to say anything

Key = tuple[str, str]  # task, item
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Tag:
    """The items of `task` whose id fits `pattern` (shell style) test the node."""

    node: str
    task: str
    pattern: str = "*"


@dataclass(frozen=True)
class ItemScores:
    """The main score of every item of one report, 0 to 1, and by task what guessing gives."""

    keys: list[Key]
    right: NDArray[np.float64]
    chance: Mapping[str, float | None]


@dataclass(frozen=True)
class SkillScore:
    """Mean over a node's items with its 95 % interval (see `task_scores.interval`), n, and the mean level of chance
    (None: unknown)."""

    n: int
    value: float
    low: float
    high: float
    chance: float | None

    @property
    def at_chance(self) -> bool:
        return self.chance is not None and self.low <= self.chance <= self.high

    @property
    def few(self) -> bool:
        return self.n < FEW_ITEMS

    @property
    def margin(self) -> float:
        """How far above chance it may at best be, as a share of what there is to gain: small is surely weak."""
        chance = self.chance or 0.0
        return (self.high - chance) / (1 - chance)


def items_of_nodes(
    keys: Sequence[Key], tags: Iterable[Tag], above: Mapping[str, Sequence[str]]
) -> dict[str, NDArray[np.int64]]:
    """Node → positions of its items in `keys`, rising; `above` names for each node itself and all nodes over it."""
    by_task: dict[str, list[int]] = {}
    for place, (task, _) in enumerate(keys):
        by_task.setdefault(task, []).append(place)
    found: dict[str, set[int]] = {}
    for tag in tags:
        fitting = [n for n in by_task.get(tag.task, []) if _fits(keys[n][1], tag.pattern)]
        for node in above.get(tag.node, ()):
            found.setdefault(node, set()).update(fitting)
    return {node: np.array(sorted(places), dtype=np.int64) for node, places in found.items() if places}


def _fits(item: str, pattern: str) -> bool:
    return pattern == "*" or fnmatch.fnmatchcase(item, pattern)


def score_of(scores: ItemScores, places: NDArray[np.int64]) -> SkillScore:
    """The score over the items at `places`, at least one."""
    values = scores.right[places]
    n = len(values)
    low, high = interval(values.tolist(), share=True)
    levels = [scores.chance.get(scores.keys[place][0]) for place in places]
    known = [level for level in levels if level is not None]
    return SkillScore(n, float(values.mean()), low, high, math.fsum(known) / n if len(known) == n else None)


@dataclass(frozen=True)
class Change:
    """Paired difference of two reports on the items both answered: `after` minus `before`."""

    n: int
    difference: float
    only_before: int
    only_after: int
    test: McNemar

    @property
    def clear(self) -> bool:
        return self.test.exact < 0.05


def change(before: ItemScores, after: ItemScores, keys: Iterable[Key] | None = None) -> Change | None:
    """McNemar's test on the items (of `keys`) that both have; an item is right from one half on. None without any."""
    first, second = _by_key(before), _by_key(after)
    wanted = [key for key in (second if keys is None else keys) if key in first and key in second]
    if not wanted:
        return None
    old = np.array([first[key] for key in wanted]) >= 0.5
    new = np.array([second[key] for key in wanted]) >= 0.5
    lost, won = int((old & ~new).sum()), int((new & ~old).sum())
    return Change(len(wanted), (won - lost) / len(wanted), lost, won, mcnemar(lost, won))


def _by_key(scores: ItemScores) -> dict[Key, float]:
    return dict(zip(scores.keys, scores.right.tolist(), strict=True))


@dataclass(frozen=True)
class Point:
    """A node's score at a number of tokens."""

    tokens: int
    score: SkillScore


def emerged(points: Sequence[Point]) -> int | None:
    """Tokens from which on every interval lies above chance; None if it never does or chance is unknown.

    Chimera's own rule; the question is that of *emergence order* (implicit curricula).
    """
    since: int | None = None
    for point in points:
        above = point.score.chance is not None and point.score.low > point.score.chance
        since = (point.tokens if since is None else since) if above else None
    return since


def below(curve: Sequence[tuple[int, float]], level: float) -> int | None:
    """Tokens from which on a falling curve (tokens, value) stays below the level; None if it does not."""
    since: int | None = None
    for tokens, value in curve:
        since = (tokens if since is None else since) if value < level else None
    return since


@dataclass(frozen=True)
class Emergence:
    """When a skill came, in tokens (None: not yet), and until when it was looked at. `how` says what was measured."""

    name: str
    how: str
    at: int | None
    first: int
    last: int


@dataclass(frozen=True)
class RankAgreement:
    """Spearman's rank correlation of two orders with its 95 % interval (Fisher's z, Bonett and Wright 2000)."""

    n: int
    rho: float
    low: float
    high: float


def rank_agreement(first: Mapping[str, int], second: Mapping[str, int]) -> RankAgreement | None:
    """Whether skills emerge in the same order in two runs; None with fewer than five shared ones or without order."""
    shared = sorted(first.keys() & second.keys())
    mine, theirs = [first[key] for key in shared], [second[key] for key in shared]
    if len(shared) < RANKS_AT_LEAST or len(set(mine)) < 2 or len(set(theirs)) < 2:
        return None
    rho = float(stats.spearmanr(mine, theirs).statistic)
    if abs(rho) >= 1:
        return RankAgreement(len(shared), rho, rho, rho)
    half = float(stats.norm.isf(0.025)) * math.sqrt((1 + rho**2 / 2) / (len(shared) - 3))
    z = math.atanh(rho)
    return RankAgreement(len(shared), rho, math.tanh(z - half), math.tanh(z + half))
