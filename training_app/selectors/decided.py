"""What an adaptive policy has decided in a run, and what it holds of every candidate now."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings

from chimera.artefacts import ArtefactStore
from chimera.errors import InputError
from curriculum_app.core.adaptive.contract import Standing, State
from curriculum_app.core.adaptive.journal import NAME
from curriculum_app.core.adaptive.policy import chooser_of, policy_of
from curriculum_app.core.schedule import Schedule
from curriculum_app.core.sequences import SequenceTable
from training_app.models import TrainingRun
from training_app.selectors.run_files import remembered

SHOWN = 8  # candidates at either end
EVENTS = 8


@dataclass(frozen=True)
class Example:
    """A candidate with its value, how often it was shown, and the first document in it."""

    sequence: int
    value: float
    shown: int
    document: dict[str, Any]
    others: int


@dataclass(frozen=True)
class Decided:
    """The policy in words, the newest of its decisions, and its candidates at both ends of what it holds of them.

    `told` are its own numbers of the newest decision by title, `happenings` the newest (step, message) first.
    """

    title: str
    summary: str
    decisions: int
    rows: int
    told: list[tuple[str, float]]
    reason: list[tuple[str, str]]
    happenings: list[tuple[int, str]]
    standing: Standing | None
    highest: list[Example]
    lowest: list[Example]


def is_adaptive(run: TrainingRun) -> bool:
    """Whether the run's order is decided while it goes on."""
    return run.schedule is not None and bool(run.schedule.manifest.get("adaptive"))


def decided(run: TrainingRun) -> Decided | None:
    """What is known by the newest resume point or checkpoint; None before the first, or where the files are not."""
    journal = remembered(run, NAME)
    opened = _opened(run)
    if journal is None or opened is None or not len(journal.arrays["counts"]):
        return None
    schedule, table = opened
    policy = policy_of(schedule)
    titles = {series.name: series.title for series in policy.series}
    scalars = {name.removeprefix("scalar/"): v for name, v in journal.arrays.items() if name.startswith("scalar/")}
    standing = _standing(run, schedule, table)
    ranked = _ranked(standing)
    examples = [_example(standing, table, int(place)) for place in ranked] if standing is not None else []
    reason = journal.facts["reasons"][int(journal.arrays["reason"][-1])]
    return Decided(
        title=policy.title,
        summary=policy.summary,
        decisions=len(journal.arrays["counts"]),
        rows=len(journal.arrays["rows"]),
        told=[(titles.get(name, name), float(column[-1])) for name, column in scalars.items()],
        reason=[(name.replace("_", " ").capitalize(), str(value)) for name, value in reason.items()],
        happenings=[(at + 1, message) for at, _, message in journal.facts["happenings"]][: -EVENTS - 1 : -1],
        standing=standing,
        highest=examples[:SHOWN],
        lowest=examples[SHOWN:][::-1],
    )


def standing_of(run: TrainingRun) -> Standing | None:
    """What the policy holds of every candidate; None where it holds nothing, or no file here says so."""
    opened = _opened(run)
    return _standing(run, *opened) if opened is not None else None


def order_of(run: TrainingRun) -> State | None:
    """The journal of an adaptive run: its order, for other trainers."""
    return remembered(run, NAME) if is_adaptive(run) else None


def _opened(run: TrainingRun) -> tuple[Schedule, SequenceTable] | None:
    """Schedule and sequences, if they are here and the policy is still installed."""
    if run.schedule is None or not is_adaptive(run):
        return None
    try:
        schedule = Schedule.open(run.schedule.stored())
        policy_of(schedule)
        return schedule, schedule.open_sequences(ArtefactStore(Path(settings.DATA_DIR) / "artefacts"))
    except (FileNotFoundError, InputError):
        return None


def _standing(run: TrainingRun, schedule: Schedule, table: SequenceTable) -> Standing | None:
    state = remembered(run, "chooser")
    if state is None:
        return None
    chooser = chooser_of(schedule, table)
    chooser.load(state)
    return chooser.standing()


def _ranked(standing: Standing | None) -> Any:
    """The places of the highest and of the lowest of those that were shown; all different."""
    if standing is None:
        return []
    shown = np.flatnonzero(standing.shown)
    order = shown[np.argsort(-standing.values[shown], kind="stable")]
    return np.concatenate([order[:SHOWN], order[SHOWN:][-SHOWN:]])


def _example(standing: Standing | None, table: SequenceTable, place: int) -> Example:
    assert standing is not None
    sequence = int(standing.candidates[place])
    pieces = table.documents_of(sequence)
    most = max(pieces, key=lambda piece: piece.length)
    value, shown = float(standing.values[place]), int(standing.shown[place])
    return Example(sequence, value, shown, most.document, len(pieces) - 1)
