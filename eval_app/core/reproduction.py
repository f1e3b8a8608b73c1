"""Is a study the same when it is run again? Curves point by point, digests, machines (pure).

Equal means bit-equal: the same float64 at the same step, in every curve of every run. Anything less is told by its
largest difference and where it began, with what differed in machine and versions beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from pydantic import Field

from chimera.format import grouped
from chimera.typed import Config
from training_app.core.series import Series

ABSENT = "not noted"


@dataclass(frozen=True)
class Trace:
    """What one run left: its curves by key, digests by name ("" is unknown), where it ran, what befell it."""

    name: str
    curves: Mapping[str, Series]
    digests: Mapping[str, str]
    circumstances: Mapping[str, str] = field(default_factory=dict)
    events: Sequence[str] = ()


class CurveDifference(Config):
    """One curve of one run that is not equal. `largest` is absolute; tokens are of the first run."""

    curve: str
    points: int = Field(description="that both logged")
    unequal: int = Field(description="of those")
    only_in_one: int = Field(description="points that one of the two did not log")
    largest: float | None = None
    largest_at: int | None = None
    begins_at: int | None = None


class RunComparison(Config):
    """A run and its repetition. `digests`: name → equal, or None where one of the two is unknown."""

    name: str
    missing: bool = False
    points: int = 0
    differences: list[CurveDifference] = []
    digests: dict[str, bool | None] = {}
    events: list[str] = []

    @property
    def equal(self) -> bool:
        return not (self.missing or self.differences or False in self.digests.values())


class Reproduced(Config):
    """What a repetition has shown."""

    word: Literal["equal", "not equal"]
    sentence: str
    runs: list[RunComparison]
    points: int
    same_verdict: bool
    explanations: list[str] = Field(description="differences in machine, versions and course that may explain it")


def compare(pairs: Sequence[tuple[Trace, Trace | None]], same_verdict: bool) -> Reproduced:
    """The runs of a study beside those of its repetition; None where the repetition has no such run."""
    runs = [_compare(before, after) for before, after in pairs]
    word: Literal["equal", "not equal"] = "equal" if all(run.equal for run in runs) else "not equal"
    both = [(before, after) for before, after in pairs if after is not None]
    return Reproduced(
        word=word,
        sentence=_sentence(runs, same_verdict),
        runs=runs,
        points=sum(run.points for run in runs),
        same_verdict=same_verdict,
        explanations=[*_circumstances(both), *(event for run in runs for event in run.events)],
    )


def _compare(before: Trace, after: Trace | None) -> RunComparison:
    if after is None:
        return RunComparison(name=before.name, missing=True)
    keys = sorted({*before.curves, *after.curves})
    found = [(key, _curve(key, before.curves.get(key), after.curves.get(key))) for key in keys]
    differing = [each for _, each in found if each.unequal or each.only_in_one]
    digests = {name: _same(digest, after.digests.get(name, "")) for name, digest in before.digests.items()}
    events = [f"{before.name}, {which}: {event}" for which, trace in (("at first", before), ("again", after))
              for event in trace.events]  # fmt: skip
    return RunComparison(
        name=before.name, points=sum(each.points for _, each in found), differences=differing, digests=digests,
        events=events,
    )  # fmt: skip


def _same(mine: str, theirs: str) -> bool | None:
    return mine == theirs if mine and theirs else None


def _curve(key: str, before: Series | None, after: Series | None) -> CurveDifference:
    """Points at equal steps are compared bit by bit, so that NaN equals NaN."""
    if before is None or after is None:
        return CurveDifference(curve=key, points=0, unequal=0, only_in_one=len(before or after or ()))
    _, mine, theirs = np.intersect1d(before.step, after.step, assume_unique=True, return_indices=True)
    ours, others = before.value[mine], after.value[theirs]
    unequal = np.flatnonzero(ours.view(np.int64) != others.view(np.int64))
    only = len(before) + len(after) - 2 * len(mine)
    said = CurveDifference(curve=key, points=len(mine), unequal=len(unequal), only_in_one=only)
    if not len(unequal):
        return said
    tokens, gaps = before.tokens[mine][unequal], np.abs(ours[unequal] - others[unequal])
    gaps = np.where(np.isnan(gaps), np.inf, gaps)
    worst = int(gaps.argmax())
    largest = float(gaps[worst]) if np.isfinite(gaps[worst]) else None
    places = {"largest": largest, "largest_at": int(tokens[worst]), "begins_at": int(tokens[0])}
    return said.model_copy(update=places)


def _sentence(runs: Sequence[RunComparison], same_verdict: bool) -> str:
    bad = [run for run in runs if not run.equal]
    points = grouped(sum(run.points for run in runs))
    verdict = "the verdict is the same in every digit" if same_verdict else "the verdict is not the same"
    if not bad:
        unknown = sorted({name for run in runs for name, same in run.digests.items() if same is None})
        checked = "curves, orders and final weights" if not unknown else f"curves (unknown: {', '.join(unknown)})"
        return f"Equal: all {len(runs)} runs gave the same {checked}, bit for bit, in {points} points; {verdict}."
    return f"Not equal: {_what_differs(runs, bad)}; {verdict}."


def _what_differs(runs: Sequence[RunComparison], bad: Sequence[RunComparison]) -> str:
    parts = [f"{len(bad)} of {len(runs)} runs differ"]
    gaps = [(each.largest, run.name, each) for run in bad for each in run.differences if each.largest is not None]
    if gaps:
        largest, name, each = max(gaps, key=lambda gap: gap[0])
        parts.append(f"most {each.curve} of {name}, by {largest:.3g} at {grouped(each.largest_at)} tokens, "
                     f"first at {grouped(each.begins_at)}")  # fmt: skip
    parts += [f"{name} was not run again" for name in (run.name for run in bad if run.missing)]
    orders = sum(run.digests.get("delivered order") is False for run in bad)
    parts.append(f"{orders} runs were shown another order" if orders else "every run was shown the same order")
    return "; ".join(parts)


def _circumstances(pairs: Sequence[tuple[Trace, Trace]]) -> list[str]:
    """Such as "torch: 2.12.0, again 2.13.0 (all runs)"."""
    seen: dict[tuple[str, str, str], list[str]] = {}
    for before, after in pairs:
        for name in dict.fromkeys([*before.circumstances, *after.circumstances]):
            values = before.circumstances.get(name, ABSENT), after.circumstances.get(name, ABSENT)
            if values[0] != values[1]:
                seen.setdefault((name, *values), []).append(before.name)
    return _unnoted(seen) + [
        f"{name}: {mine}, again {theirs} ({'all runs' if len(runs) == len(pairs) else ', '.join(runs)})"
        for (name, mine, theirs), runs in seen.items()
        if ABSENT not in (mine, theirs)
    ]


def _unnoted(seen: Mapping[tuple[str, str, str], list[str]]) -> list[str]:
    """Such as "not noted at first: host, torch"."""
    sides = {"at first": [name for name, mine, _ in seen if mine == ABSENT],
             "again": [name for name, _, theirs in seen if theirs == ABSENT]}  # fmt: skip
    return [f"not noted {side}: {', '.join(dict.fromkeys(names))}" for side, names in sides.items() if names]
