"""Where a run comes from and what came from it: its base, the runs that go on from its checkpoints."""

from __future__ import annotations

from dataclasses import dataclass

from chimera.projects.access import Actor
from chimera.refs import Ref
from training_app.models import Checkpoint, TrainingRun
from training_app.selectors.checkpoints import fork_query

SHOWN = 20


@dataclass(frozen=True)
class Fork:
    """A run that goes on from `base`; `midway` when it began inside the schedule, where its base stood."""

    run: TrainingRun
    base: Checkpoint
    midway: bool


def fork_of(actor: Actor, run: TrainingRun) -> Fork | None:
    """What the run goes on from; None for one that began with a new model."""
    base = run.job.config.get("base") if run.job.kind == "train" else None
    if not base:
        return None
    row = Checkpoint.objects.filter(project=actor.project, pk=Ref(base).number).select_related("run").first()
    return Fork(run, row, bool(run.job.config.get("first_row"))) if row is not None else None


def forks_from(actor: Actor, checkpoints: list[Checkpoint]) -> list[Fork]:
    """The newest runs that go on from one of these."""
    if not checkpoints:
        return []
    rows = {row.uid: row for row in checkpoints}
    found = TrainingRun.objects.filter(project=actor.project, job__kind="train", job__config__base__in=list(rows))
    shown = found.select_related("job").order_by("-pk")[:SHOWN]
    return [Fork(run, rows[run.job.config["base"]], bool(run.job.config.get("first_row"))) for run in shown]


def place_to_fork(actor: Actor, run: TrainingRun) -> tuple[Checkpoint, str] | None:
    """The latest kept checkpoint that leaves something of the schedule, and the query of the form that forks there."""
    kept = Checkpoint.objects.filter(project=actor.project, run=run).select_related("run__job", "run__schedule")
    for row in kept.order_by("-step", "-pk")[:2]:  # the final one mostly leaves nothing, the one before it does
        if query := fork_query(row):
            return row, query
    return None
