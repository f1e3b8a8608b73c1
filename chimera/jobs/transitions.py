"""The one way a job changes state: compare-and-set, one history row, one bell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction

from chimera.jobs import bell
from chimera.jobs.models import Job, JobEvent, State
from chimera.jobs.storable import storable


@transaction.atomic
def move(
    job: Job,
    sources: Sequence[State],
    target: State,
    *,
    lease: str | None = None,
    note: str = "",
    actor: str = "",
    **fields: Any,
) -> bool:
    """Move `job` from one of `sources` to `target` and set `fields`; False (and no change) if it is elsewhere by now.

    With `lease` only the current holder of that lease succeeds (fencing). `job` is refreshed when it moved.
    """
    rows = Job.objects.filter(pk=job.pk, state__in=sources)
    if lease is not None:
        rows = rows.filter(lease_owner=lease)
    if rows.update(state=target, **{name: storable(value) for name, value in fields.items()}) != 1:
        return False
    job.refresh_from_db()
    JobEvent.objects.create(job=job, state=target, attempt=job.attempt, message=storable(note)[:500], actor=actor)
    bell.job_changed(job)
    return True


def lock(job: Job) -> Job:
    """The fresh row of `job`, locked together with its ancestors; call inside a transaction.

    Everything that touches more than one job of a tree takes this lock first, from the root down, so no two can
    deadlock.
    """
    chain = [job.pk]
    parent = job.parent_id
    while parent is not None:
        chain.append(parent)
        parent = Job.objects.values_list("parent_id", flat=True).get(pk=parent)
    rows = {row.pk: row for row in Job.objects.select_for_update().filter(pk__in=chain).order_by("pk")}
    return rows[job.pk]
