"""The insert of a job row: its hook, its first history row, its message."""

from __future__ import annotations

from django.utils import timezone

from chimera.jobs import bell
from chimera.jobs.dispatch import dispatch
from chimera.jobs.kinds import JobKind, resolve
from chimera.jobs.models import Job, JobEvent, State, new_idempotency_key
from chimera.jobs.queues import queue_for
from chimera.projects.models import Project
from chimera.typed import Config


def insert(
    project: Project,
    kind: JobKind,
    config: Config,
    *,
    user_id: int | None,
    key: str = "",
    priority: int = 0,
    parent: Job | None = None,
    slot: str = "",
) -> Job:
    """A new job; call inside a transaction. A leaf is queued, a composite runs at once (it occupies no worker)."""
    job = Job.objects.create(
        project=project,
        kind=kind.name,
        name=str(getattr(config, "name", "") or kind.title)[:200],
        config=config.as_json(),
        fingerprint=config.fingerprint(),
        queue=queue_for(kind, config),
        position=_place(parent),
        composite=kind.composite,
        idempotency_key=key or new_idempotency_key(),
        parent=parent,
        slot=slot,
        priority=priority,
        state=State.RUNNING if kind.composite else State.QUEUED,
        started_at=timezone.now() if kind.composite else None,
        created_by_id=user_id,
    )
    JobEvent.objects.create(job=job, state=job.state, message="created", actor=_name(job))
    if kind.created:
        resolve(kind.created)(job)
    if not (kind.composite or kind.of_client):
        dispatch(job)
    bell.job_changed(job)
    return job


def _place(parent: Job | None) -> int | None:
    """What a composite creates stands where the composite stands: a study that has begun keeps its place."""
    if parent is None:
        return None
    return parent.position if parent.position is not None else parent.pk


def _name(job: Job) -> str:
    return job.created_by.get_username() if job.created_by else ""
