"""When a run was shown a document: the steps, how many of its tokens, and the loss of those batches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.compute as pc

from chimera.projects.access import Actor
from curriculum_app.core.packing import Int
from curriculum_app.core.schedule import Schedule as Order
from curriculum_app.core.sequences import SequenceTable
from curriculum_app.models import Schedule, SequenceSet
from curriculum_app.selectors.passports import Place
from training_app.core.configs import TrainConfig
from training_app.models import TrainingRun
from training_app.selectors.history import Part, history

RUNS_SHOWN = 12
STEPS_SHOWN = 8


@dataclass(frozen=True)
class Exposure:
    """One batch that held tokens of the document. `loss` is the mean of the whole batch, None if not (yet) logged."""

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


def of_document(actor: Actor, place: Place) -> dict[str, Any]:
    """The newest runs on sequences of this version, for the panel; empty where it was never tokenised.

    Bounded: at most `RUNS_SHOWN` runs over all sequence sets; a set and a schedule that several share is opened once.
    """
    sets = SequenceSet.objects.filter(project=actor.project, dataset=place.version).order_by("-pk")
    on_these = TrainingRun.objects.filter(project=actor.project, schedule__sequence_set__in=sets)
    runs = on_these.select_related("job", "schedule__sequence_set").order_by("-pk")[:RUNS_SHOWN]
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
    tokens = np.zeros(table.num_sequences, dtype=np.int64)
    pieces = table.pieces
    mine = np.flatnonzero(pieces.documents == number)
    np.add.at(tokens, pieces.sequences()[mine], pieces.lengths[mine])
    schedules = {run.schedule.pk: run.schedule for run in runs if run.schedule is not None}
    shown = {pk: _shown(schedule, tokens) for pk, schedule in schedules.items()}
    seen = [(run, shown[run.schedule_id]) for run in runs if run.schedule_id is not None]
    held_out = bool(table.documents.column("held_out")[number].as_py())
    return held_out, [_of_run(actor, run, delivered) for run, delivered in seen if delivered is not None]


def _shown(schedule: Schedule, tokens: Int) -> Int | None:
    """Tokens of the document in each row of the order; None if its files are elsewhere."""
    try:
        return np.asarray(tokens[Order.open(schedule.stored()).rows["sequence"]], dtype=np.int64)
    except FileNotFoundError:
        return None


def _of_run(actor: Actor, run: TrainingRun, shown: Int) -> RunExposures:
    config = TrainConfig.model_validate(run.job.config)
    steps = np.arange(len(shown)) // config.batch_sequences + 1
    held, places = np.unique(steps[shown > 0], return_inverse=True)
    per_step = np.bincount(places, weights=shown[shown > 0], minlength=len(held)).astype(np.int64)
    delivered = held <= run.step
    losses = losses_at(actor, run, held[delivered][:STEPS_SHOWN].tolist())
    first = zip(held[:STEPS_SHOWN].tolist(), per_step[:STEPS_SHOWN].tolist(), strict=True)
    exposures = [Exposure(step, count, losses.get(step)) for step, count in first]
    return RunExposures(run, exposures, len(held), int(delivered.sum()), int(per_step[delivered].sum()))


def losses_at(actor: Actor, run: TrainingRun, steps: list[int]) -> dict[int, float]:
    """Step → the logged training loss of its batch, for those of the steps that have one."""
    if not steps:
        return {}
    part = Part("step", min(steps), max(steps), 0)
    loss = history(actor, run, ["loss"], part).series["loss"]
    logged = np.isin(loss.step, steps)
    return dict(zip(loss.step[logged].tolist(), loss.value[logged].tolist(), strict=True))
