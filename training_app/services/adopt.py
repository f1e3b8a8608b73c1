"""Rows for the result of a train job, written in the transaction that ends it."""

from __future__ import annotations

from chimera.artefacts import Stored
from chimera.jobs.adoption import adopt_artefact
from chimera.jobs.kinds import Adopted
from chimera.jobs.models import Job
from chimera.refs import Ref
from training_app.core.jobs.train import TrainResult
from training_app.core.kept_names import FINAL
from training_app.models import Checkpoint, PlanEdit, TrainingRun


def adopt_checkpoint(job: Job, run: TrainingRun, stored: Stored, step: int, tokens: int) -> Checkpoint:
    """The row of a checkpoint of a run, with what it was trained from."""
    base = job.config.get("base")
    parent = Checkpoint.objects.get(project=job.project, pk=Ref(base).number) if base else None
    licence = parent.licence if parent is not None else ""
    facts = {"run": run, "parent": parent, "licence": licence, "step": step, "tokens": tokens}
    return adopt_artefact(Checkpoint, job, stored, run.name, **facts)


def adopt_train(job: Job, result: TrainResult) -> Adopted:
    """The final checkpoint and the run's summary (held-out scores, digests of planned and delivered order)."""
    run = TrainingRun.objects.select_for_update().get(job=job)
    summary = result.summary
    checkpoint = adopt_checkpoint(job, run, result.stored, summary.steps, summary.tokens)
    run.summary = summary.as_json()
    run.parameters = summary.parameters
    run.planned_digest = summary.planned_digest
    run.delivered_digest = summary.delivered_digest
    run.step, run.tokens = summary.steps, summary.tokens
    run.sparkline = summary.sparkline
    run.save()
    run.plan_edits.filter(state=PlanEdit.State.ASKED).update(
        state=PlanEdit.State.REFUSED, answer="the run ended before it could follow"
    )
    return Adopted({**job.artifacts, "run": run.uid, FINAL: checkpoint.uid}, run.summary)
