"""What is wrong with an order before anything is trained, and what to change (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from chimera.errors import InputError, Problem
from chimera.format import percent
from curriculum_app.core.configs_dry_run import Bound
from curriculum_app.core.mixture_ledger import MOST_EPOCHS

HARDLY = 0.01  # of its plan: a group that gets less is starved
NEAR = 1e-6
FAR = 2.0  # mean sequence lengths from the plan that nobody minds

Kind = Literal["bound", "epochs", "starved", "drift"]


@dataclass(frozen=True)
class Totals:
    """Of the whole order. `unit` is the mean length of a row."""

    tokens: int
    rows: int
    sequences: int
    distinct_tokens: int
    available_tokens: int
    available_sequences: int
    unit: float

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"passes": self.tokens / max(self.distinct_tokens, 1)}


@dataclass(frozen=True)
class GroupLine:
    """Tokens of one group: there are `available`, the plan owes `owed` (None: it is of another grouping)."""

    name: str
    available: int
    owed: float | None
    shown: int
    share: float
    by_stretch: tuple[int, ...]

    @property
    def passes(self) -> float:
        """How often what there is of the group is shown, on average."""
        return self.shown / self.available if self.available else 0.0

    def as_json(self) -> dict[str, Any]:
        return self.__dict__ | {"by_stretch": list(self.by_stretch), "passes": self.passes}


@dataclass(frozen=True)
class Finding:
    """One thing to mend: what is wrong, and what to change."""

    kind: Kind
    message: str
    hint: str
    grouping: str = ""
    group: str = ""

    def as_json(self) -> dict[str, str]:
        return asdict(self)


@dataclass(frozen=True)
class Found:
    """All findings, the broken bounds first, and the `(grouping, group)` pairs they are about."""

    problems: list[Finding]

    @property
    def groups(self) -> set[tuple[str, str]]:
        return {(item.grouping, item.group) for item in self.problems if item.group}


def problems_of_dry_run(
    lines: Mapping[str, Sequence[GroupLine]],
    bounds: Sequence[Bound],
    totals: Totals,
    documents: Mapping[str, Any],
    adherence: Mapping[str, Any],
) -> Found:
    """Everything to mend.

    Args:
        lines: grouping → its groups; the first grouping is that of the plan. documents: what `exposures` says.

    Raises:
        InputError: a bound names a grouping or a group that the sequences do not have.
    """
    planned = next(iter(lines))
    found = [
        *_broken_bounds(lines, bounds, totals),
        *(item for line in lines[planned] for item in _starved(planned, line, totals)),
        *(item for name, groups in lines.items() for line in groups for item in _too_often(name, line, totals)),
        *_documents_too_often(documents),
        *_drift(adherence, totals),
    ]
    return Found(found)


def require_known_groups(bounds: Sequence[Bound], groups: Mapping[str, Sequence[str]]) -> None:
    """Every bound is about a group that there is. `groups`: grouping → its groups.

    Raises:
        InputError: names each bound that is not, and what there is.
    """
    problems = []
    for number, bound in enumerate(bounds):
        field, known = f"bounds.{number}", groups.get(bound.grouping)
        if known is None:
            message = f"the sequences have no grouping {bound.grouping!r}"
            problems.append(Problem(message, f"{field}.grouping", hint=f"one of {', '.join(groups)}"))
        elif bound.group not in known:
            message = f"{bound.grouping} has no group {bound.group!r}"
            problems.append(Problem(message, f"{field}.group", hint=f"one of {', '.join(known[:20])}"))
    if problems:
        raise InputError(problems)


def _broken_bounds(
    lines: Mapping[str, Sequence[GroupLine]], bounds: Sequence[Bound], totals: Totals
) -> Iterator[Finding]:
    require_known_groups(bounds, {name: [line.name for line in groups] for name, groups in lines.items()})
    for bound in bounds:
        line = next(line for line in lines[bound.grouping] if line.name == bound.group)
        if line.share > bound.most + NEAR:
            excess = line.shown - int(bound.most * totals.tokens)
            said = f"{line.name} has {percent(line.share)} of the tokens, more than the {percent(bound.most)} allowed"
            hint = f"lower its share to {percent(bound.most)}: show {excess:,} tokens less of it"
            yield Finding("bound", said, hint, bound.grouping, line.name)
        if line.share < bound.least - NEAR:
            said = (
                f"{line.name} has {percent(line.share)} of the tokens, less than the {percent(bound.least)} asked for"
            )
            yield Finding("bound", said, _raise(line, bound, totals), bound.grouping, line.name)


def _raise(line: GroupLine, bound: Bound, totals: Totals) -> str:
    asked = bound.least * totals.tokens
    hint = f"raise its share to {percent(bound.least)}: show {int(asked) - line.shown:,} tokens more of it"
    if asked <= line.available:
        return hint
    budget = int(line.available / bound.least)
    return f"there are only {line.available:,} tokens of it: lower the budget to {budget:,}, or show it more than once"


def _starved(grouping: str, line: GroupLine, totals: Totals) -> Iterator[Finding]:
    """Owed more than there is and not shown more than once for it, or shown hardly anything of its plan."""
    owed = line.owed or 0.0
    missing = owed - line.shown
    if owed < totals.unit or missing <= max(HARDLY * owed, FAR * totals.unit):
        return
    if owed > line.available:
        said = f"{line.name} is owed {owed:,.0f} tokens, there are {line.available:,}"
        share, budget = line.available / totals.tokens, int(totals.tokens * line.available / owed)
        hint = f"lower its share to {percent(share)} or the budget to {budget:,}, or show it more than once"
        yield Finding("starved", said, hint, grouping, line.name)
    elif line.shown < HARDLY * owed:
        said = f"{line.name} is owed {owed:,.0f} tokens and is shown {line.shown:,}"
        hint = "take it out of the plan, or let the order follow the plan more closely"
        yield Finding("starved", said, hint, grouping, line.name)


def _too_often(grouping: str, line: GroupLine, totals: Totals) -> Iterator[Finding]:
    if line.passes <= MOST_EPOCHS + NEAR:
        return
    said = f"{line.name} is shown {line.passes:.2f} times, more than {MOST_EPOCHS}"
    share, budget = MOST_EPOCHS * line.available / totals.tokens, int(totals.tokens * MOST_EPOCHS / line.passes)
    hint = f"lower its share to {percent(share)}, or the budget to {budget:,}"
    yield Finding("epochs", said, hint, grouping, line.name)


def _documents_too_often(documents: Mapping[str, Any]) -> Iterator[Finding]:
    count = documents["too_often"]
    if count:
        said = f"{count:,} documents are shown more than {MOST_EPOCHS} times, one of them {documents['max']:.3g} times"
        hint = "give the phases or sources that hold them fewer passes, or lower the budget"
        yield Finding("epochs", said, hint)


def _drift(adherence: Mapping[str, Any], totals: Totals) -> Iterator[Finding]:
    drift, horizon = adherence.get("drift_after_horizon") or 0.0, adherence.get("feasible_horizon") or 0.0
    if drift > FAR and horizon < totals.tokens:
        said = f"the plan can be kept up to {horizon:,.0f} of {totals.tokens:,} tokens, then it is {drift:.1f} sequence"
        hint = f"lower the budget to {int(horizon):,}, or draw the curve closer to what there is"
        yield Finding("drift", f"{said} lengths away", hint)
