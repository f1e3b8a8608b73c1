"""When a run was shown a document: the steps, how many of its tokens, and the loss of those batches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.compute as pc
from django.db.models import Q
from django.db.models.fields.json import KeyTransform

from chimera.projects.access import Actor
from curriculum_app.core.packing import Int
from curriculum_app.core.schedule import Schedule
from curriculum_app.core.sequences import SequenceTable
from curriculum_app.models import SequenceSet
from curriculum_app.selectors.passports import Place
from training_app.core.configs import TrainConfig
from training_app.models import MetricRow, TrainingRun

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
    """The newest runs on sequences of this version, for the panel; empty where it was never tokenised."""
    sets = SequenceSet.objects.filter(project=actor.project, dataset=place.version).order_by("-pk")
    found: list[RunExposures] = []
    held_out = False
    for row in sets:
        try:
            table = SequenceTable.open(row.stored())
        except FileNotFoundError:
            continue
        number = pc.index(table.documents.column("id"), place.document_id).as_py()
        if number < 0:
            continue
        held_out = held_out or bool(table.documents.column("held_out")[number].as_py())
        found += _of_set(row, table, number)
    return {"exposures": found[:RUNS_SHOWN], "held_out": held_out} if found or held_out else {}


def _of_set(row: SequenceSet, table: SequenceTable, number: int) -> list[RunExposures]:
    tokens = np.zeros(table.num_sequences, dtype=np.int64)
    pieces = table.pieces
    mine = np.flatnonzero(pieces.documents == number)
    np.add.at(tokens, pieces.sequences()[mine], pieces.lengths[mine])
    runs = TrainingRun.objects.filter(schedule__sequence_set=row).select_related("job", "schedule").order_by("-pk")
    return [found for run in runs[:RUNS_SHOWN] if (found := _of_run(run, tokens)) is not None]


def _of_run(run: TrainingRun, tokens: Int) -> RunExposures | None:
    assert run.schedule is not None
    try:
        rows = Schedule.open(run.schedule.stored()).rows
    except FileNotFoundError:
        return None
    config = TrainConfig.model_validate(run.job.config)
    shown = tokens[rows["sequence"]]
    steps = np.arange(len(rows)) // config.batch_sequences + 1
    held, places = np.unique(steps[shown > 0], return_inverse=True)
    per_step = np.bincount(places, weights=shown[shown > 0], minlength=len(held)).astype(np.int64)
    delivered = held <= run.step
    losses = losses_at(run, held[delivered][:STEPS_SHOWN].tolist())
    first = zip(held[:STEPS_SHOWN].tolist(), per_step[:STEPS_SHOWN].tolist(), strict=True)
    exposures = [Exposure(step, count, losses.get(step)) for step, count in first]
    return RunExposures(run, exposures, len(held), int(delivered.sum()), int(per_step[delivered].sum()))


def losses_at(run: TrainingRun, steps: list[int]) -> dict[int, float]:
    """Step → the logged training loss of its batch, for those of the steps that have one."""
    if not steps:
        return {}
    around = Q()
    for step in steps:
        around |= Q(first_step__lte=step, last_step__gte=step)
    rows = MetricRow.objects.filter(around, run=run)
    loss = KeyTransform("loss", KeyTransform("values", "points"))
    found: dict[int, float] = {}
    for logged, values in rows.values_list(KeyTransform("step", "points"), loss):
        at = {logged[index]: float(value) for index, value in values or []}
        found |= {step: at[step] for step in steps if step in at}
    return found
