"""The arena: every comparison of every study by method, losing ones too, the most certain gain first (pure)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from curriculum_app.core.claims import Claim

GAINED, LOST = "better", "worse"


@dataclass(frozen=True)
class Entry:
    """An arm of a study against its baseline. `word` is the verdict's, or the job's state before there is one.

    `mean`, `low`, `high`: difference to the baseline in `unit` and its interval; None without two pairs.
    """

    method: str
    study: int
    question: str
    arm: str
    against: str
    word: str
    compares: str = ""
    n: int = 0
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    better: str = "lower"
    unit: str = "bits per byte"
    tokens: float | None = None
    parameters: int | None = None
    decided: bool = True
    repeats: int | None = None  # the study that this one is a reproduction of: no evidence of its own

    @property
    def least(self) -> float:
        """The gain that the interval allows for at the worst: above zero for a clear gain."""
        if self.low is None or self.high is None:
            return -math.inf
        return -self.high if self.better == "lower" else self.low


@dataclass(frozen=True)
class Method:
    """All entries of one method, the most certain gain first."""

    key: str
    title: str
    claim: Claim | None
    entries: Sequence[Entry]

    @property
    def tally(self) -> dict[str, int]:
        """Word → how many entries; reproductions count as what they repeat."""
        found: dict[str, int] = {}
        for entry in self.entries:
            if entry.repeats is None:
                found[entry.word] = found.get(entry.word, 0) + 1
        return found


def ranked(entries: Iterable[Entry]) -> list[Entry]:
    """By the pessimistic end of the interval; without one, and at another budget, last."""
    return sorted(entries, key=lambda entry: (entry.word == "yardstick", -entry.least, -entry.study, entry.arm))


def by_method(entries: Iterable[Entry], titles: dict[str, str], claims: dict[str, Claim | None]) -> list[Method]:
    """The methods in the order of their best entries."""
    found: dict[str, list[Entry]] = {}
    for entry in ranked(entries):
        found.setdefault(entry.method, []).append(entry)
    return [Method(key, titles.get(key, key), claims.get(key), rows) for key, rows in found.items()]


@dataclass(frozen=True)
class Reach:
    """An interval as marks on a strip of `WIDTH` units, zero in the middle; all strips of a unit have one scale."""

    low: float
    high: float
    mean: float


WIDTH = 120.0


def reach(entry: Entry, entries: Iterable[Entry]) -> Reach | None:
    """Where the marks of an entry stand; None without an interval."""
    if entry.low is None or entry.high is None or entry.mean is None:
        return None
    same = [each for each in entries if each.unit == entry.unit and each.low is not None and each.high is not None]
    widest = max((max(abs(each.low or 0.0), abs(each.high or 0.0)) for each in same), default=0.0) or 1.0

    def place(value: float) -> float:
        return round(WIDTH / 2 * (1 + 0.96 * value / widest), 1)

    return Reach(place(entry.low), place(entry.high), place(entry.mean))
