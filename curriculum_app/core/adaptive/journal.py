"""The journal of an adaptive run: every decision and what was fed back, and the proof that one follows from the other.

Files beside a run's other files: `journal.npz` and `journal.json` (see `Journal.state`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chimera.typed import canonical_json
from curriculum_app.core.adaptive.contract import (
    Array,
    Chooser,
    Decision,
    Exhausted,
    Feedback,
    Happening,
    Progress,
    Rows,
    State,
)
from curriculum_app.core.packing import Int
from curriculum_app.core.schedule import ROW
from curriculum_app.core.sequences import array_digest

NAME = "journal"
UNKNOWN = -1  # of an answer that nobody has checked


class UnsoundDecision(RuntimeError):
    """A chooser has decided something it may not: its run means nothing."""


class JournalMismatch(RuntimeError):
    """The stored feedback does not lead to the stored decisions, so somebody else has decided."""


@dataclass(frozen=True)
class Entry:
    """One step: how many rows were asked for, what was decided, and what came of it (None until the step is over)."""

    asked: int
    decision: Decision
    feedback: Feedback | None = None


class Journal:
    """Decisions over `candidates`, sorted sequence ids of `length` tokens each, by a chooser that declares
    `when_exhausted`.
    """

    def __init__(self, candidates: Int, length: int, when_exhausted: Exhausted) -> None:
        self.candidates, self.length, self.when_exhausted = candidates, length, when_exhausted
        self.entries: list[Entry] = []
        self._shown = np.zeros(len(candidates), dtype=bool)
        self._announced = False

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def ended(self) -> bool:
        """Whether the last decision was the run's last."""
        return bool(self.entries) and self.entries[-1].decision.last

    def rows(self) -> Rows:
        """Every row that was decided, in order, of dtype ROW."""
        return np.concatenate([np.zeros(0, dtype=ROW), *(entry.decision.rows for entry in self.entries)])

    @property
    def digest(self) -> str:
        """Of the rows in order: comparable with a schedule's order digest."""
        return array_digest(self.rows())

    def decided(self, decision: Decision, progress: Progress) -> None:
        """Write down a decision.

        Raises:
            UnsoundDecision: it breaks the contract; says how.
        """
        self._require_rows(decision, progress)
        self._announced |= bool(decision.happenings)
        places = np.searchsorted(self.candidates, decision.rows["sequence"])
        if self._shown[places].any() or len(np.unique(places)) < len(places):
            self._require_told()
        self._shown[places] = True
        self.entries.append(Entry(progress.rows, decision))

    def _require_rows(self, decision: Decision, progress: Progress) -> None:
        rows, least = decision.rows, 1 if decision.last else progress.rows
        if not least <= len(rows) <= progress.rows:
            raise UnsoundDecision(f"{progress.rows} rows were asked for, {len(rows)} chosen")
        places = np.searchsorted(self.candidates, rows["sequence"]).clip(max=len(self.candidates) - 1)
        if (self.candidates[places] != rows["sequence"]).any():
            raise UnsoundDecision("a sequence was chosen that is no candidate")
        if (rows["start"] != 0).any() or (rows["length"] != self.length).any():
            raise UnsoundDecision(f"a row is not a whole sequence of {self.length} tokens")
        if not (np.isfinite(rows["weight"]).all() and (rows["weight"] >= 0).all() and rows["weight"].any()):
            raise UnsoundDecision("the weights of a step are finite, not negative, and not all zero")
        if not np.isfinite(list(decision.scalars.values())).all():
            raise UnsoundDecision(f"a scalar of the step is no number: {dict(decision.scalars)}")

    def _require_told(self) -> None:
        """Nothing is shown again unless that was declared, and said in an event by now."""
        if self.when_exhausted != "repeat":
            said = f"a sequence is shown again, though the policy declares to {self.when_exhausted}"
            raise UnsoundDecision(said)
        if not self._announced:
            raise UnsoundDecision("a sequence is shown again, and no event has said that this begins")

    def observed(self, feedback: Feedback) -> None:
        """Write down what came of the last decision."""
        last = self.entries[-1]
        self.entries[-1] = Entry(last.asked, last.decision, feedback)

    def require_follows(self, chooser: Chooser, budget_tokens: int) -> None:
        """Replay the feedback through a fresh chooser.

        Raises:
            JournalMismatch: it decides otherwise; names the first step.
        """
        tokens = 0
        for step, entry in enumerate(self.entries, start=1):
            decision = chooser.decide(Progress(entry.asked, tokens, budget_tokens))
            if wrong := difference(decision, entry.decision):
                raise JournalMismatch(
                    f"decision {step} of {len(self)} does not follow from the feedback before it: {wrong}"
                )
            tokens += self.length * len(entry.decision.rows)
            if entry.feedback is not None:
                chooser.observe(entry.feedback)

    def state(self) -> State:
        """Columns over all steps, or over all rows; equal reasons once."""
        decisions = [entry.decision for entry in self.entries]
        reasons = {canonical_json(dict(decision.reason)): decision.reason for decision in decisions}
        places = {key: place for place, key in enumerate(reasons)}
        counts = [len(decision.rows) for decision in decisions]
        arrays: dict[str, Array] = {
            "rows": self.rows(),
            "counts": np.array(counts, dtype=np.int32),
            "asked": np.array([entry.asked for entry in self.entries], dtype=np.int32),
            "last": np.array([decision.last for decision in decisions], dtype=bool),
            "reason": np.array([places[canonical_json(dict(d.reason))] for d in decisions], dtype=np.int32),
            **{f"scalar/{name}": column for name, column in _columns([d.scalars for d in decisions])},
            **_per_row(decisions, counts),
            **_feedback(self.entries),
        }
        happenings = [(place, h.kind, h.message) for place, d in enumerate(decisions) for h in d.happenings]
        return State(arrays, {"reasons": [dict(r) for r in reasons.values()], "happenings": happenings})

    def load(self, state: State) -> None:
        """Take over every entry of a stored journal."""
        self.entries = list(entries_of(state))
        self._shown[np.searchsorted(self.candidates, self.rows()["sequence"])] = True
        self._announced = any(entry.decision.happenings for entry in self.entries)


def difference(one: Decision, other: Decision) -> str:
    """What differs first between two decisions; "" if nothing."""
    if not np.array_equal(one.rows, other.rows):
        return "other rows"
    for what, mine, its in (("scalars", one.scalars, other.scalars), ("numbers of rows", one.per_row, other.per_row)):
        if mine.keys() != its.keys() or any(not np.array_equal(mine[k], its[k], equal_nan=True) for k in mine):
            return f"other {what}"
    if canonical_json(dict(one.reason)) != canonical_json(dict(other.reason)):
        return "another reason"
    return "" if (one.happenings, one.last) == (other.happenings, other.last) else "other events"


def entries_of(state: State) -> Iterator[Entry]:
    """The entries of a stored journal, in order."""
    arrays, facts = state.arrays, state.facts
    ends = np.cumsum(arrays["counts"])
    said: dict[int, list[Happening]] = {}
    for place, kind, message in facts["happenings"]:
        said.setdefault(place, []).append(Happening(kind, message))
    held_out = _held_out_of(arrays)
    scalars, numbers = _named(arrays, "scalar/"), _named(arrays, "row/")
    for place, (first, end) in enumerate(itertools.pairwise([0, *ends.tolist()])):
        span = slice(first, end)
        decision = Decision(
            rows=arrays["rows"][span],
            scalars={name: float(v[place]) for name, v in scalars.items() if not np.isnan(v[place])},
            per_row={name: v[span] for name, v in numbers.items() if arrays[f"has/{name}"][place]},
            reason=facts["reasons"][arrays["reason"][place]],
            happenings=tuple(said.get(place, ())),
            last=bool(arrays["last"][place]),
        )
        yield Entry(int(arrays["asked"][place]), decision, _feedback_of(arrays, place, span, held_out.get(place)))


def _named(arrays: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _columns(dicts: list[Mapping[str, float]]) -> Iterator[tuple[str, Array]]:
    """A column per name, NaN where it is absent."""
    for name in dict.fromkeys(itertools.chain.from_iterable(dicts)):
        yield name, np.array([found.get(name, np.nan) for found in dicts], dtype=np.float64)


def _per_row(decisions: list[Decision], counts: list[int]) -> dict[str, Array]:
    """Of every name the values of all rows, zeros where a decision has none, and which decisions have them."""
    found: dict[str, Array] = {}
    for name in dict.fromkeys(itertools.chain.from_iterable(decision.per_row for decision in decisions)):
        parts = [decision.per_row.get(name) for decision in decisions]
        filled = [np.zeros(n) if part is None else part for part, n in zip(parts, counts, strict=True)]
        found[f"row/{name}"] = np.concatenate(filled).astype(np.float64)
        found[f"has/{name}"] = np.array([part is not None for part in parts])
    return found


def _feedback(entries: list[Entry]) -> dict[str, Array]:
    known = [entry.feedback for entry in entries]
    losses = [f.losses if f else np.full(len(e.decision.rows), np.nan) for e, f in zip(entries, known, strict=True)]
    correct = [
        f.correct if f is not None and f.correct is not None else np.full(len(e.decision.rows), UNKNOWN)
        for e, f in zip(entries, known, strict=True)
    ]
    scored = {place: f.held_out for place, f in enumerate(known) if f is not None and f.held_out is not None}
    return {
        "observed": np.array([f is not None for f in known], dtype=bool),
        "losses": np.concatenate([np.zeros(0), *losses]).astype(np.float32),
        "correct": np.concatenate([np.zeros(0), *correct]).astype(np.int8),
        "held_out_at": np.array(list(scored), dtype=np.int64),
        **{f"held_out/{name}": column for name, column in _columns(list(scored.values()))},
    }


def _held_out_of(arrays: Mapping[str, Array]) -> dict[int, dict[str, float]]:
    columns = _named(arrays, "held_out/")
    return {
        int(place): {name: float(column[row]) for name, column in columns.items() if not np.isnan(column[row])}
        for row, place in enumerate(arrays["held_out_at"])
    }


def _feedback_of(
    arrays: Mapping[str, Array], place: int, span: slice, held_out: Mapping[str, float] | None
) -> Feedback | None:
    if not arrays["observed"][place]:
        return None
    correct = arrays["correct"][span]
    checked = None if (correct == UNKNOWN).any() else correct.astype(bool)
    return Feedback(arrays["rows"][span], arrays["losses"][span], checked, held_out)


def facts_of_step(state: State, row: int) -> dict[str, Any] | None:
    """Of the decision that holds row `row` (0 is the first): `reason`, `scalars`, `per_row` and `said`; None if none.

    Cheap: it reads the columns at one place.
    """
    ends = np.cumsum(state.arrays["counts"])
    place = int(np.searchsorted(ends, row, side="right"))
    if place >= len(ends):
        return None
    span = slice(int(ends[place - 1]) if place else 0, int(ends[place]))
    arrays = state.arrays
    return {
        "rows": arrays["rows"][span],
        "reason": state.facts["reasons"][arrays["reason"][place]],
        "scalars": {k: float(v[place]) for k, v in _named(arrays, "scalar/").items() if not np.isnan(v[place])},
        "per_row": {k: v[span].tolist() for k, v in _named(arrays, "row/").items() if arrays[f"has/{k}"][place]},
        "said": [message for at, _, message in state.facts["happenings"] if at == place],
    }
