"""The sweep: every SWEEP_SECONDS it makes whole what a lost message, a flushed Redis or a killed worker has broken."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, Q
from kombu.exceptions import OperationalError as BrokerError

from chimera.celery import app
from chimera.jobs import clock, composites
from chimera.jobs.context import store_of
from chimera.jobs.dispatch import dispatch, send
from chimera.jobs.kinds import CLIENT_QUEUE
from chimera.jobs.leasing import HELD, claimable
from chimera.jobs.models import ControlRequest, Job, State
from chimera.jobs.stuck import say_stuck
from chimera.jobs.transitions import lock, move

log = logging.getLogger(__name__)

UNDISPATCHED = timedelta(seconds=15)
CLIENT_SILENT = "ClientSilent"  # error class of a client's job whose lease ran out: it may be taken up again


def sweep() -> None:
    """One round. Any number of workers may sweep at the same time."""
    for job_id in _expired().values_list("pk", flat=True):
        reap(job_id)
    heal_composites()
    say_stuck()
    resend()


def _expired() -> Any:
    return Job.objects.filter(state__in=HELD, composite=False, lease_until__lt=clock.now())


@transaction.atomic
def reap(job_id: int) -> None:
    """A job whose worker has not renewed its lease: cancelled or paused if asked for, else queued again or failed."""
    job = lock(Job.objects.get(pk=job_id))
    if not _expired().filter(pk=job_id).exists():
        return
    store_of(job).discard_staged()
    free: dict[str, Any] = {"control": ControlRequest.NONE, "lease_owner": "", "lease_until": None}
    note = f"worker {job.worker} lost".replace("  ", " ")
    if job.state == State.CANCELLING:
        composites.cancelled(job, note=note)
    elif job.queue == CLIENT_QUEUE:
        composites.fail(job, f"client silent since {job.heartbeat_at:%d %b %H:%M:%S} UTC", error_class=CLIENT_SILENT)
    elif job.control == ControlRequest.PAUSE:
        move(job, [State.RUNNING], State.PAUSED, note=note, **free)
    elif job.attempt >= job.max_attempts:
        composites.fail(job, f"worker lost in attempt {job.attempt} of {job.max_attempts}", error_class="WorkerLost")
    elif move(job, [State.RUNNING], State.QUEUED, note=note, **free):
        dispatch(job)


def heal_composites() -> None:
    """Ask the plan of every living composite again: nothing happens unless a crash has left it behind."""
    alive = Job.objects.filter(composite=True, state__in=HELD).order_by("-pk")
    for job in alive:
        with transaction.atomic():
            composites.heal(lock(job))


def resend() -> None:
    """Per queue: as many new messages as there are queued jobs older than 15 s without one."""
    old = Q(dispatched_at=None) | Q(dispatched_at__lt=clock.ago(UNDISPATCHED))
    waiting = claimable().filter(old).order_by().values_list("queue").annotate(n=Count("pk"))
    for queue, jobs in waiting:
        for _ in range(max(0, jobs - messages_in(queue))):
            send(queue)


def messages_in(queue: str) -> int:
    """Messages that wait in `queue` at the broker; 0 when it is away."""
    try:
        with app.connection_for_read() as broker:
            return int(broker.default_channel.queue_declare(queue).message_count)
    except (BrokerError, OSError) as error:
        log.warning("broker away: %s", error)
        return 0
