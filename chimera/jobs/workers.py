"""A worker process: its row in the list of workers, its sweep, the apps' chores, its soft end.

Celery's main process does this in one thread, so a long job in a pool process never delays a heartbeat or a sweep.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from typing import Any

from celery.signals import celeryd_after_setup, worker_ready, worker_shutting_down
from django.conf import settings
from django.db import Error, connection, transaction

from chimera.accelerators import accelerator
from chimera.jobs import clock
from chimera.jobs.chores import chores
from chimera.jobs.kinds import resolve
from chimera.jobs.models import ControlRequest, Job, State, Worker
from chimera.jobs.scratch import clean_scratch
from chimera.jobs.sweep import sweep
from chimera.jobs.transitions import move
from chimera.webhooks.delivery import deliver_due, forget_old

log = logging.getLogger(__name__)
DELIVERY_SECONDS, TIDY_SECONDS = 2.0, 3600.0
_stop = threading.Event()
_facts: dict[str, Any] = {}


@celeryd_after_setup.connect  # type: ignore[untyped-decorator]
def _set_up(sender: str, instance: Any, **kwargs: Any) -> None:
    queues = ",".join(sorted(instance.app.amqp.queues.consume_from))
    _facts.update(name=sender, queues=queues, concurrency=instance.concurrency)


@worker_ready.connect  # type: ignore[untyped-decorator]
def _ready(**kwargs: Any) -> None:
    threading.Thread(target=keep_house, args=(_facts["name"],), name="housekeeping", daemon=True).start()
    threading.Thread(target=deliver_and_tidy, name="deliveries", daemon=True).start()


@worker_shutting_down.connect  # type: ignore[untyped-decorator]
def _shutting_down(**kwargs: Any) -> None:
    _stop.set()


def register(name: str, queues: str, concurrency: int) -> Worker:
    """Write this process into the list of workers."""
    facts = {
        "host": socket.gethostname(),
        "queues": queues,
        "concurrency": concurrency,
        "cpu_count": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "accelerator": accelerator(),
        "seen_at": clock.now(),
        "started_at": clock.now(),
    }
    return Worker.objects.update_or_create(name=name, defaults=facts)[0]


def keep_house(name: str) -> None:
    """Heartbeat and sweep until the worker shuts down; then let its jobs go."""
    swept = -float("inf")
    while not _stop.is_set():
        if time.monotonic() - swept >= settings.SWEEP_SECONDS:
            swept = time.monotonic()
            _guarded(sweep)
            for chore in chores():
                _guarded(resolve(chore))
        _guarded(_seen)
        _stop.wait(settings.HEARTBEAT_SECONDS)
    _guarded(lambda: release(name))


def deliver_and_tidy() -> None:
    """Make the calls of webhooks and tidy up until the worker shuts down; a slow address delays no heartbeat."""
    tidied = -float("inf")
    while not _stop.wait(DELIVERY_SECONDS):
        _guarded(deliver_due)
        if time.monotonic() - tidied >= TIDY_SECONDS:
            tidied = time.monotonic()
            _guarded(forget_old)
            _guarded(clean_scratch)


def _seen() -> None:
    if not Worker.objects.filter(name=_facts["name"]).update(seen_at=clock.now()):
        register(**_facts)


def _guarded(work: Any) -> None:
    """A database that is away for a while must not end the housekeeping."""
    try:
        work()
    except Error as error:
        log.warning("housekeeping: %s", error)
        connection.close()


def release(name: str) -> None:
    """Ask the jobs of a worker that stops to pause at their next safe point and go back to the queue; forget it."""
    for job in Job.objects.filter(worker=name, state=State.RUNNING, control=ControlRequest.NONE):
        with transaction.atomic():
            row = Job.objects.select_for_update().get(pk=job.pk)
            if row.worker == name and row.control == ControlRequest.NONE:
                move(row, [State.RUNNING], State.RUNNING, note="its worker stops", control=ControlRequest.RELEASE)
    Worker.objects.filter(name=name).delete()
