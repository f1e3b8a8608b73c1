"""Files that a job keeps to go on from: gone when it has succeeded, or a while after it has ended badly."""

from __future__ import annotations

import logging
import shutil
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction

from chimera.jobs import clock
from chimera.jobs.context import scratch_of
from chimera.jobs.models import FINISHED, Job, JobEvent, State

log = logging.getLogger(__name__)

GONE = "gone-"  # prefix of what is being removed


def kept_until(job: Job) -> datetime | None:
    """When the files of a job that ended badly will be removed; None when there are none (on this machine)."""
    if job.state not in (State.FAILED, State.CANCELLED) or job.finished_at is None or not scratch_of(job).is_dir():
        return None
    return job.finished_at + _retention()


def clean_scratch() -> int:
    """Remove what nobody can go on from any more, on this machine; how many directories."""
    root = Path(settings.DATA_DIR) / "scratch"
    removed = 0
    for path in sorted(root.glob("job-*")) if root.is_dir() else []:
        number = path.name.removeprefix("job-")
        if number.isdecimal() and _set_aside(int(number), path):
            removed += 1
    for path in root.glob(f"{GONE}*"):  # also what a sweep that was killed has left
        shutil.rmtree(path, ignore_errors=True)
    return removed


@transaction.atomic
def _set_aside(number: int, path: Path) -> bool:
    """Rename the directory under the lock of its job, so that no retry can begin to use it meanwhile."""
    job = Job.objects.select_for_update(of=("self",)).filter(pk=number).first()
    over = Job.objects.filter(pk=number, state__in=FINISHED, finished_at__lt=clock.ago(_retention()))
    if job is not None and not over.exists():
        return False
    try:
        path.rename(path.with_name(f"{GONE}{path.name}"))
    except OSError as error:
        log.warning("scratch of job-%s stays: %s", number, error)
        return False
    if job is not None and job.state != State.SUCCEEDED:
        said = f"its files were removed after {settings.SCRATCH_DAYS} days: a retry begins anew"
        JobEvent.objects.create(job=job, state=job.state, attempt=job.attempt, message=said)
    return True


def _retention() -> timedelta:
    return timedelta(days=settings.SCRATCH_DAYS)
