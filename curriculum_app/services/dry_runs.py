"""Dry runs: started from a schedule or a draft, kept as the summary of their job."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from chimera.jobs import services as jobs
from chimera.jobs.kinds import Adopted
from chimera.jobs.models import Job
from chimera.jobs.validation import validate_as
from chimera.projects.access import Actor
from curriculum_app.core.configs_dry_run import DryRunScheduleConfig
from curriculum_app.core.dry_run_problems import require_known_groups
from curriculum_app.core.jobs.dry_run import DryRunResult
from curriculum_app.models import Schedule
from curriculum_app.selectors.dry_runs import OF_DRAFT, OF_SCHEDULE

PRIORITY = 10  # somebody is waiting before the page


def draft_start(actor: Actor, raw: Any, key: str = "") -> Job:
    """Dry-run the config of a schedule (with `bounds` if wanted) without making it.

    Raises:
        PermissionDenied: the actor is no editor.
        InputError: the config is wrong.
    """
    job, _ = jobs.start(actor, OF_DRAFT, raw, key=key, priority=PRIORITY)
    return job


def schedule_start(actor: Actor, schedule: Schedule, bounds: Any, key: str = "") -> Job:
    """Dry-run a stored schedule.

    Raises:
        PermissionDenied: the actor is no editor.
        InputError: a bound is wrong, or of a group that the sequences do not have.
    """
    raw = {"schedule": schedule.uid, "bounds": bounds}
    config = validate_as(DryRunScheduleConfig, raw, actor.project)
    require_known_groups(config.bounds, schedule.sequence_set.manifest.get("groupings", {}))
    job, _ = jobs.start(actor, OF_SCHEDULE, raw, key=key, priority=PRIORITY)
    return job


def schedule_make(actor: Actor, dry_run: Job) -> Job:
    """Make the schedule that a dry run of a draft looked at; asked again, the same job.

    Raises:
        PermissionDenied: the actor is no editor.
        InputError: it cannot be made any more.
    """
    raw = {name: value for name, value in dry_run.config.items() if name != "bounds"}
    job, _ = jobs.start(actor, "schedule", raw, key=f"made-from-{dry_run.uid}")
    return job


def adopt_dry_run(job: Job, result: DryRunResult) -> Adopted:
    """No row: the report is the job's summary."""
    return Adopted({}, {"report": result.report})


def page(job: Job) -> str:
    return reverse("dry-run-detail", args=[job.pk])
