"""Alive but stuck: a job whose worker renews its lease while the work itself reports nothing any more."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.urls import reverse

from chimera.format import duration
from chimera.jobs import bell, clock
from chimera.jobs.models import Job, JobEvent, State
from chimera.webhooks.formats import Notice
from chimera.webhooks.services import announce


def seconds_for(kind: str) -> int:
    """After so many seconds without progress a job of this kind counts as stuck."""
    known: dict[str, int] = settings.STUCK_SECONDS
    return known.get(kind, known[""])


def stuck() -> QuerySet[Job]:
    """Running jobs with a fresh lease and an old progress."""
    named = [kind for kind in settings.STUCK_SECONDS if kind]
    silent = Q(progress_at__lt=_before("")) & ~Q(kind__in=named)
    for kind in named:
        silent |= Q(kind=kind, progress_at__lt=_before(kind))
    return Job.objects.filter(silent, state=State.RUNNING, composite=False, lease_until__gt=clock.now())


def say_stuck() -> None:
    """Raise one alert for each job that has become stuck; its next progress makes it new again."""
    for job in stuck().filter(stuck_at=None):
        with transaction.atomic():
            _say(job)


def _say(job: Job) -> None:
    same = stuck().filter(pk=job.pk, stuck_at=None, progress_at=job.progress_at, attempt=job.attempt)
    if same.update(stuck_at=clock.now()) != 1:
        return  # another sweep was there first, or it has moved
    job.refresh_from_db()
    assert job.stuck_at is not None and job.progress_at is not None
    silence = duration((job.stuck_at - job.progress_at).total_seconds())
    said = f"alive but stuck: no progress for {silence}, its worker {job.worker or '?'} answers"
    JobEvent.objects.create(job=job, state=job.state, attempt=job.attempt, message=said[:500], level="warn")
    name, path = job.name or job.uid, reverse("job-detail", args=[job.pk])
    once = f"{job.uid}:stuck:{job.attempt}:{job.progress_at.isoformat()}"
    announce(job.project_id, Notice("warn", f"{name} ({job.kind})", said, path, once, facts={"job": job.uid}))
    bell.job_changed(job)


def _before(kind: str) -> object:
    return clock.ago(timedelta(seconds=seconds_for(kind)))
