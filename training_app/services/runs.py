"""The row of a run, written in the transaction that creates its job."""

from __future__ import annotations

from django.urls import reverse

from chimera.jobs import refs
from chimera.jobs.models import Job
from curriculum_app.models import Schedule
from training_app.core.configs import TrainConfig
from training_app.core.configs_external import ExternalRunConfig
from training_app.models import TrainingRun


def create_run(job: Job) -> None:
    """Make the TrainingRun of a `train` job; its page exists from now on. Steps and tokens come from the schedule."""
    config = TrainConfig.model_validate(job.config)
    schedule = refs.find(job.project, config.schedule)
    assert isinstance(schedule, Schedule), "references are checked before a job is created"
    TrainingRun.objects.create(
        project=job.project,
        job=job,
        schedule=schedule,
        name=config.name,
        group=config.group,
        seed=config.seed,
        steps=max(0, -(-(schedule.manifest["num_rows"] - config.first_row) // config.batch_sequences)),
        budget_tokens=schedule.manifest["num_tokens"],
        planned_digest=schedule.order_digest,
    )


def create_foreign_run(job: Job) -> None:
    """Make the TrainingRun of an `external-run` job: nothing here says what it is fed."""
    config = ExternalRunConfig.model_validate(job.config)
    TrainingRun.objects.create(
        project=job.project,
        job=job,
        name=config.name,
        source=config.source,
        group=config.group,
        seed=config.seed,
        steps=config.steps,
        budget_tokens=config.budget_tokens,
    )


def run_page(job: Job) -> str:
    """Where a browser watches the job."""
    return reverse("run-detail", args=[TrainingRun.objects.only("pk").get(job=job).pk])
