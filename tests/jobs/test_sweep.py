"""What was lost comes back: messages, leases, confirmations."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from chimera.jobs import context, leasing, services, sweep
from chimera.jobs.models import Job
from chimera.projects.access import Actor

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def empty_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "messages_in", lambda queue: 0)


def claimed(actor: Actor, **fields: object) -> Job:
    """A job whose worker was last heard of a while ago."""
    job, _ = services.start(actor, "t-count", {})
    assert leasing.claim_job(job.pk, "w1") is not None
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1), **fields)
    return job


def swept(job: Job) -> Job:
    sweep.sweep()
    job.refresh_from_db()
    return job


def test_a_live_lease_is_left_alone(editor: Actor) -> None:
    job, _ = services.start(editor, "t-count", {})
    leasing.claim_job(job.pk)
    assert swept(job).state == "running"


def test_a_job_whose_worker_is_lost_is_queued_again_and_its_old_lease_is_dead(editor: Actor) -> None:
    job, _ = services.start(editor, "t-count", {})
    claim = leasing.claim_job(job.pk, "w1")
    assert claim is not None
    lease = claim[1]
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert (swept(job).state, job.lease_owner) == ("queued", "")
    lease.beat()
    assert lease.lost
    with pytest.raises(leasing.LeaseLost), lease.fenced():
        raise AssertionError("the fence is open")


def test_a_job_lost_in_its_last_attempt_fails(editor: Actor) -> None:
    job = swept(claimed(editor, max_attempts=1))
    assert (job.state, job.error_class, job.message) == ("failed", "WorkerLost", "worker lost in attempt 1 of 1")


def test_what_a_killed_worker_had_half_written_is_removed(editor: Actor) -> None:
    job, other = claimed(editor, max_attempts=1), claimed(editor)
    staged = []
    for item in (job, other):
        folder = context.store_of(item).root / "dataset"
        folder.mkdir(parents=True, exist_ok=True)
        staged.append(Path(tempfile.mkdtemp(prefix=f"tmp-{item.uid}-", dir=folder)))
    Job.objects.filter(pk=other.pk).update(lease_until=timezone.now() + timedelta(minutes=1))
    assert swept(job).state == "failed"
    assert [path.is_dir() for path in staged] == [False, True]


def test_a_lost_job_that_was_asked_to_pause_or_cancel_has_done_so(editor: Actor) -> None:
    assert swept(claimed(editor, control="pause")).state == "paused"
    assert swept(claimed(editor, state="cancelling", control="cancel")).state == "cancelled"


def test_queued_jobs_without_a_message_get_one_after_15_seconds(editor: Actor, quiet: list[str]) -> None:
    job, _ = services.start(editor, "t-count", {})
    sweep.sweep()
    assert quiet == []
    Job.objects.filter(pk=job.pk).update(dispatched_at=timezone.now() - timedelta(seconds=16))
    sweep.sweep()
    assert quiet == ["cpu"]


def test_messages_that_still_wait_at_the_broker_are_not_sent_again(
    editor: Actor, quiet: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        services.start(editor, "t-count", {"name": name})
    Job.objects.update(dispatched_at=None)
    monkeypatch.setattr(sweep, "messages_in", lambda queue: 2)
    sweep.sweep()
    assert quiet == ["cpu"]


def test_a_job_that_waits_for_its_next_try_gets_no_message_yet(editor: Actor, quiet: list[str]) -> None:
    job, _ = services.start(editor, "t-count", {})
    Job.objects.filter(pk=job.pk).update(dispatched_at=None, not_before=timezone.now() + timedelta(minutes=1))
    sweep.sweep()
    assert quiet == []
