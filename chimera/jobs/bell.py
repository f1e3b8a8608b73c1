"""The bell: tells browsers that something changed. PostgreSQL is the truth; a lost bell costs a moment, never data."""

from __future__ import annotations

import logging
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction
from redis.exceptions import RedisError

from chimera.jobs.models import Job

log = logging.getLogger(__name__)


def ring(group: str, payload: dict[str, Any]) -> None:
    """Send `payload` to a channel group (`run.12`, `job.3`, `jobs.1`); consumers get it as a `bell` message."""
    layer = get_channel_layer()
    if layer is None:
        return
    try:
        async_to_sync(layer.group_send)(group, {"type": "bell", **payload})
    except (RedisError, OSError, RuntimeError) as error:
        log.warning("bell for %s not rung: %s", group, error)


def job_facts(job: Job) -> dict[str, Any]:
    """What a page shows of a job while it moves."""
    return {
        "topic": job.uid,
        "kind": job.kind,
        "state": job.state,
        "control": job.control,
        "attempt": job.attempt,
        "done": job.done,
        "total": job.total,
        "unit": job.unit,
        "message": job.message,
    }


def log_written(job: Job) -> None:
    """Ring for an open page that follows the log."""
    transaction.on_commit(lambda: ring(f"job.{job.pk}", {"topic": job.uid, "log": True}), robust=True)


def job_changed(job: Job) -> None:
    """Ring for one job and for its project's list, once the change is committed."""
    facts = job_facts(job)
    transaction.on_commit(lambda: ring(f"job.{job.pk}", facts), robust=True)
    transaction.on_commit(lambda: ring(f"jobs.{job.project_id}", facts), robust=True)
