"""Reads of jobs, their logs and the workers; always within the actor's project."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db.models import Count, Q, QuerySet
from django.http import Http404

from chimera.jobs import clock, refs
from chimera.jobs.models import FINISHED, PLACE, Artefact, Job, JobEvent, JobLog, State, Worker
from chimera.projects.access import Actor


def jobs_list(actor: Actor, *, state: str = "", kind: str = "", roots: bool = False) -> QuerySet[Job]:
    """Jobs of the project, newest first. `roots` leaves out the children of composites."""
    rows = Job.objects.filter(project=actor.project).select_related("created_by", "parent")
    if state == "active":
        rows = rows.exclude(state__in=FINISHED)
    elif state:
        rows = rows.filter(state=state)
    if kind:
        rows = rows.filter(kind=kind)
    return rows.filter(parent=None) if roots else rows


def job_get(actor: Actor, pk: int) -> Job:
    """The job `pk` of the project.

    Raises:
        Http404: there is none in this project.
    """
    job = Job.objects.filter(project=actor.project, pk=pk).select_related("created_by", "parent", "project").first()
    if job is None:
        raise Http404(f"job-{pk} does not exist in project {actor.project.slug}")
    return job


def children_of(actor: Actor, job: Job) -> QuerySet[Job]:
    """The children of a composite, in the order of their creation."""
    return Job.objects.filter(project=actor.project, parent=job).order_by("pk")


def events_of(actor: Actor, job: Job) -> QuerySet[JobEvent]:
    return JobEvent.objects.filter(job=job, job__project=actor.project)


# What a filter of the log shows: its name → the levels.
LOG_LEVELS = {"warning": ("warning", "error"), "error": ("error",)}


def log_of(actor: Actor, job: Job, level: str) -> QuerySet[JobLog]:
    """The log, oldest first; with `level` only chunks that are at least so bad."""
    rows = JobLog.objects.filter(job=job, job__project=actor.project).order_by("pk")
    return rows.filter(level__in=LOG_LEVELS[level]) if level in LOG_LEVELS else rows


def log_after(actor: Actor, job: Job, level: str, after: int, limit: int = 200) -> list[JobLog]:
    """The next `limit` chunks after the one of number `after`; from the start of a page (0) the last ones."""
    rows = log_of(actor, job, level)
    if after:
        return list(rows.filter(pk__gt=after)[:limit])
    return list(reversed(rows.reverse()[:limit]))


def state_counts(actor: Actor) -> dict[str, int]:
    """How many jobs of the project are in each state; every state is a key."""
    rows = Job.objects.filter(project=actor.project).values_list("state").annotate(n=Count("pk"))
    counted = dict(rows)
    return {state.value: counted.get(state.value, 0) for state in State}


def ahead_in_queue(job: Job) -> int | None:
    """How many queued jobs of any project a worker takes before this one; None when it does not wait."""
    if job.state != State.QUEUED or job.composite:
        return None
    waiting = Job.objects.filter(state=State.QUEUED, composite=False, queue=job.queue)
    place = job.position if job.position is not None else job.pk
    waiting = waiting.annotate(place=PLACE)
    earlier = Q(place__lt=place) | Q(place=place, pk__lt=job.pk)
    return waiting.filter(Q(priority__gt=job.priority) | Q(earlier, priority=job.priority)).count()


def _alive() -> QuerySet[Worker]:
    """A worker that was not seen for as long as a lease lasts is taken for dead."""
    return Worker.objects.filter(seen_at__gte=clock.ago(timedelta(seconds=settings.LEASE_SECONDS)))


def workers_alive() -> list[Worker]:
    """Workers whose heartbeat is recent (workers belong to no project)."""
    return list(_alive())


def count_alive() -> int:
    return _alive().count()


def workers_of(queue: str) -> list[Worker]:
    """Live workers that take jobs of `queue`."""
    return [worker for worker in workers_alive() if queue in worker.queues.split(",")]


def queue_is_served(queue: str) -> bool:
    """Whether some live worker takes jobs of `queue`."""
    return bool(workers_of(queue))


def served_queues() -> set[str]:
    """Every queue that some live worker takes from."""
    return {queue for worker in workers_alive() for queue in worker.queues.split(",")}


def artefact_get(actor: Actor, uid: str) -> Artefact:
    """The artefact `dataset-3` of the project, also a deleted one.

    Raises:
        Http404: unknown kind, or none of that number in this project.
    """
    kind, _, number = uid.rpartition("-")
    row = None
    if kind in refs.kinds() and number.isdecimal() and len(number) < 19:
        row = refs.rows(actor.project, kind).filter(pk=int(number)).first()
    if row is None:
        raise Http404(f"{uid} does not exist in project {actor.project.slug}")
    return row


def maker_of(actor: Actor, uid: str) -> Job | None:
    """The job that made a thing which is no artefact (`run-3`, `study-1`); None for artefacts and what is unknown."""
    kind = uid.rpartition("-")[0]
    if kind in refs.kinds():
        return None
    return Job.objects.filter(project=actor.project, artifacts__contains={kind: uid}).order_by("-pk").first()


def unserved_queues(actor: Actor) -> list[str]:
    """Queues in which jobs of the project wait although no live worker takes from them."""
    waiting = Job.objects.filter(project=actor.project, state=State.QUEUED, composite=False)
    return sorted(set(waiting.order_by().values_list("queue", flat=True).distinct()) - served_queues())
