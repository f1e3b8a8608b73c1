"""When a run was shown a document: the steps, how many of its tokens, and the loss of the rows that held them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.compute as pc
from django.db.models import Prefetch

from chimera.projects.access import Actor
from curriculum_app.core.adaptive.contract import Rows
from curriculum_app.core.packing import Int
from curriculum_app.core.schedule import Schedule as Order
from curriculum_app.core.sequences import SequenceTable
from curriculum_app.models import Schedule, SequenceSet
from curriculum_app.selectors.passports import Place
from training_app.core.configs import TrainConfig
from training_app.models import Checkpoint, TrainingRun
from training_app.selectors.decided import is_adaptive, order_of
from training_app.selectors.history import Part, history

RUNS_SHOWN = 12
STEPS_SHOWN = 8


@dataclass(frozen=True)
class Exposure:
    """One step whose batch held tokens of the document.

    `loss` is that of the rows that held them, before a checkpoint says so of the whole batch; None if not yet logged.
    """

    step: int
    tokens: int
    loss: float | None


@dataclass(frozen=True)
class RunExposures:
    """A run and the first of its exposures; `count` are all that its order holds, `delivered` those that happened."""

    run: TrainingRun
    shown: list[Exposure]
    count: int
    delivered: int
    tokens: int


@dataclass(frozen=True)
class Held:
    """Where tokens of one document lie: sequences in order, and from where to where in each."""

    sequences: Int
    starts: Int
    ends: Int


def of_document(actor: Actor, place: Place) -> dict[str, Any]:
    """The newest runs on sequences of this version, for the panel; empty where it was never tokenised.

    Bounded: at most `RUNS_SHOWN` runs over all sequence sets; a set and a schedule that several share is opened once.
    """
    sets = SequenceSet.objects.filter(project=actor.project, dataset=place.version).order_by("-pk")
    on_these = TrainingRun.objects.filter(project=actor.project, schedule__sequence_set__in=sets)
    kept = Prefetch("checkpoints", Checkpoint.objects.defer("manifest").order_by("-step"))
    runs = on_these.select_related("job", "schedule__sequence_set").prefetch_related(kept).order_by("-pk")[:RUNS_SHOWN]
    by_set: dict[SequenceSet, list[TrainingRun]] = {}
    for run in runs:
        assert run.schedule is not None
        by_set.setdefault(run.schedule.sequence_set, []).append(run)
    found: list[RunExposures] = []
    held_out = False
    for row, mine in (by_set or {row: [] for row in sets[:1]}).items():
        said = _of_set(actor, row, mine, place.document_id)
        if said is not None:
            held_out = held_out or said[0]
            found += said[1]
    found.sort(key=lambda item: -item.run.pk)
    return {"exposures": found, "held_out": held_out} if found or held_out else {}


def _of_set(
    actor: Actor, row: SequenceSet, runs: list[TrainingRun], document_id: str
) -> tuple[bool, list[RunExposures]] | None:
    """`(whether the document is held out, what each run saw of it)`; None where the set is elsewhere or lacks it."""
    try:
        table = SequenceTable.open(row.stored())
    except FileNotFoundError:
        return None
    number = pc.index(table.documents.column("id"), document_id).as_py()
    if number < 0:
        return None
    held = _held(table, number)
    planned = {run.schedule.pk: run.schedule for run in runs if run.schedule is not None and not is_adaptive(run)}
    shown = {pk: _shown(_planned(schedule), held) for pk, schedule in planned.items()}
    seen = [(run, shown[pk] if (pk := run.schedule_id) in shown else _shown(_decided(run), held)) for run in runs]
    held_out = bool(table.documents.column("held_out")[number].as_py())
    return held_out, [_of_run(actor, run, delivered) for run, delivered in seen if delivered is not None]


def _held(table: SequenceTable, document: int) -> Held:
    pieces = table.pieces
    starts = np.cumsum(pieces.lengths) - pieces.lengths
    mine = np.flatnonzero(pieces.documents == document)
    sequences = pieces.sequences()[mine]
    begin = starts[mine] - table.offsets[sequences]
    return Held(sequences, begin, begin + pieces.lengths[mine])


def _planned(schedule: Schedule) -> Rows | None:
    """The rows of the order; None if its files are elsewhere."""
    try:
        return Order.open(schedule.stored()).rows
    except FileNotFoundError:
        return None


def _decided(run: TrainingRun) -> Rows | None:
    """The rows that a run's policy decided, as far as its journal here has come."""
    journal = order_of(run)
    return None if journal is None else np.asarray(journal.arrays["rows"])


def _shown(rows: Rows | None, held: Held) -> Int | None:
    """Tokens of the document in each row of the order, if that is known."""
    if rows is None:
        return None
    shown = np.zeros(len(rows), dtype=np.int64)
    first, last = (np.searchsorted(held.sequences, rows["sequence"], side) for side in ("left", "right"))
    start, end = rows["start"].astype(np.int64), rows["start"].astype(np.int64) + rows["length"]
    for number in range(int((last - first).max(initial=0))):  # a document rarely has two pieces in one sequence
        row = np.flatnonzero(first + number < last)
        piece = first[row] + number
        inside = np.minimum(end[row], held.ends[piece]) - np.maximum(start[row], held.starts[piece])
        shown[row] += np.maximum(inside, 0)
    return shown


def _of_run(actor: Actor, run: TrainingRun, shown: Int) -> RunExposures:
    config = TrainConfig.model_validate(run.job.config)
    mine = shown[config.first_row :]  # a fork begins in the middle of the order
    rows = np.flatnonzero(mine)
    held, places = np.unique(rows // config.batch_sequences + 1, return_inverse=True)
    per_step = np.bincount(places, weights=mine[rows], minlength=len(held)).astype(np.int64)
    delivered = held <= run.step
    logged = losses_at(actor, run, held[delivered][:STEPS_SHOWN].tolist())
    losses = logged | _losses_of_rows(run, mine, config.batch_sequences)
    first = zip(held[:STEPS_SHOWN].tolist(), per_step[:STEPS_SHOWN].tolist(), strict=True)
    exposures = [Exposure(step, count, losses.get(step)) for step, count in first]
    return RunExposures(run, exposures, len(held), int(delivered.sum()), int(per_step[delivered].sum()))


def _losses_of_rows(run: TrainingRun, shown: Int, batch_sequences: int) -> dict[int, float]:
    """Step → mean loss of its rows that held tokens, weighted by those; as far as the newest checkpoint reaches."""
    try:
        newest = next(iter(run.checkpoints.all()), None)  # ordered where the runs are read
        losses = None if newest is None else np.load(newest.stored().path / "row_losses.npy", allow_pickle=False)
    except FileNotFoundError:  # of another host, deleted, or from before rows had a loss of their own
        return {}
    if losses is None:
        return {}
    rows = np.flatnonzero(shown[: len(losses)])
    held, places = np.unique(rows // batch_sequences + 1, return_inverse=True)
    weighted = np.bincount(places, weights=losses[rows] * shown[rows])
    return dict(zip(held.tolist(), (weighted / np.bincount(places, weights=shown[rows])).tolist(), strict=True))


def losses_at(actor: Actor, run: TrainingRun, steps: list[int]) -> dict[int, float]:
    """Step → the logged training loss of its batch, for those of the steps that have one."""
    if not steps:
        return {}
    part = Part("step", min(steps), max(steps), 0)
    loss = history(actor, run, ["loss"], part).series["loss"]
    logged = np.isin(loss.step, steps)
    return dict(zip(loss.step[logged].tolist(), loss.value[logged].tolist(), strict=True))
