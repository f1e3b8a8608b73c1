"""Leases: who works on a job, proven by a token at every write.

A claim takes the best queued row and gives it a fresh token and an attempt number. A thread extends the lease; whoever
finds the token gone must not write any more (fencing).
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.db import Error, connection, transaction
from django.db.models import Q, QuerySet

from chimera.context import LeaseLost
from chimera.jobs import clock
from chimera.jobs.models import ORDER, Job, State
from chimera.jobs.transitions import move

log = logging.getLogger(__name__)

HELD = (State.RUNNING, State.CANCELLING)


@dataclass
class Lease:
    """The right to work on one job: `token` is in the row as long as the right lasts."""

    job_id: int
    token: str
    attempt: int
    lost: bool = False
    seconds: float | None = None  # how long it lasts without a beat; None: LEASE_SECONDS
    _renewed: float = field(default_factory=time.monotonic)

    def rows(self) -> QuerySet[Job]:
        """The job's row while this lease holds, else nothing."""
        return Job.objects.filter(pk=self.job_id, lease_owner=self.token, state__in=HELD)

    def check(self) -> None:
        """Raise LeaseLost if the heartbeat has found the lease gone."""
        if self.lost:
            raise LeaseLost(f"job-{self.job_id}: another worker owns it now")

    @contextmanager
    def fenced(self) -> Iterator[Job]:
        """A transaction that holds the job's row; raises LeaseLost before anything is written under a dead lease."""
        self.check()
        with transaction.atomic():
            job = self.rows().select_for_update(no_key=True).first()
            if job is None:
                self.lost = True
                self.check()
            assert job is not None
            yield job

    def beat(self) -> None:
        """Extend the lease; marks it lost when it is no longer ours or could not be extended in time."""
        try:
            held = self.rows().update(lease_until=_until(self.seconds), heartbeat_at=clock.now())
        except Error as error:
            log.warning("job-%s: heartbeat failed: %s", self.job_id, error)
            connection.close()
            self.lost = time.monotonic() - self._renewed > (self.seconds or settings.LEASE_SECONDS)
            return
        self._renewed = time.monotonic()
        self.lost = held == 0

    @contextmanager
    def kept_alive(self) -> Iterator[None]:
        """Beat every HEARTBEAT_SECONDS from a thread of its own while the body runs."""
        stop = threading.Event()
        thread = threading.Thread(target=self._beat_until, args=(stop,), name=f"lease-{self.job_id}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _beat_until(self, stop: threading.Event) -> None:
        try:
            while not self.lost and not stop.wait(settings.HEARTBEAT_SECONDS):
                self.beat()
        finally:
            connection.close()


def claimable() -> QuerySet[Job]:
    """Leaf jobs that a worker may start now, the best first: higher priority, then place, then older."""
    due = Q(not_before=None) | Q(not_before__lte=clock.now())
    return Job.objects.filter(due, state=State.QUEUED, composite=False).order_by(*ORDER)


def claim(queue: str, worker: str = "") -> tuple[Job, Lease] | None:
    """Claim the best queued job of `queue`; None if there is none. No two callers get the same job."""
    return _claim(claimable().filter(queue=queue), worker)


def claim_job(job_id: int, worker: str = "", seconds: float | None = None) -> tuple[Job, Lease] | None:
    """Claim one certain job; None if it is not queued. The lease lasts `seconds` without a beat."""
    return _claim(claimable().filter(pk=job_id), worker, seconds)


@transaction.atomic
def _claim(rows: QuerySet[Job], worker: str, seconds: float | None = None) -> tuple[Job, Lease] | None:
    job = rows.select_for_update(skip_locked=True, of=("self",)).first()
    if job is None:
        return None
    lease = Lease(job.pk, secrets.token_hex(16), job.attempt + 1, seconds=seconds)
    claimed = move(
        job,
        [State.QUEUED],
        State.RUNNING,
        note=f"claimed by {worker}" if worker else "claimed",
        attempt=lease.attempt,
        lease_owner=lease.token,
        lease_until=_until(seconds),
        heartbeat_at=clock.now(),
        progress_at=clock.now(),
        stuck_at=None,
        worker=worker[:120],
        control="none",
        not_before=None,
        started_at=job.started_at or clock.now(),
    )
    return (job, lease) if claimed else None


def _until(seconds: float | None) -> object:
    return clock.ahead(timedelta(seconds=seconds or settings.LEASE_SECONDS))
