"""Rows for the result of a train job, written in the transaction that ends it."""

from __future__ import annotations

from chimera.jobs.adoption import adopt_artefact
from chimera.jobs.kinds import Adopted
from chimera.jobs.models import Job
from training_app.core.jobs.train import TrainResult
from training_app.models import Checkpoint, TrainingRun


def adopt_train(job: Job, result: TrainResult) -> Adopted:
    """The final checkpoint and the run's summary (held-out scores, digests of planned and delivered order)."""
    run = TrainingRun.objects.select_for_update().get(job=job)
    summary = result.summary
    checkpoint = adopt_artefact(
        Checkpoint, job, result.stored, run.name, run=run, step=summary.steps, tokens=summary.tokens
    )
    run.summary = summary.as_json()
    run.parameters = summary.parameters
    run.planned_digest = summary.planned_digest
    run.delivered_digest = summary.delivered_digest
    run.step, run.tokens = summary.steps, summary.tokens
    run.sparkline = summary.sparkline
    run.save()
    return Adopted({"run": run.uid, "checkpoint": checkpoint.uid}, run.summary)
