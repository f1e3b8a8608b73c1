"""Messages to workers. A message says "claim the best queued job of your queue", never which one."""

from __future__ import annotations

import logging

from django.db import transaction
from kombu.exceptions import OperationalError as BrokerError

from chimera.celery import app
from chimera.jobs import clock
from chimera.jobs.models import Job

log = logging.getLogger(__name__)

TASK = "chimera.work"


def dispatch(job: Job) -> None:
    """Send one message for a queued job after commit. If the broker is away the sweep sends it later."""
    Job.objects.filter(pk=job.pk).update(dispatched_at=clock.now())
    transaction.on_commit(lambda: send(job.queue), robust=True)


def send(queue: str) -> None:
    """Put one message into `queue`; a broker that is away is logged, never raised."""
    try:
        app.send_task(TASK, args=[queue], queue=queue, retry=False, ignore_result=True)
    except (BrokerError, OSError) as error:
        log.warning("no message to queue %s: %s", queue, error)
