"""Alive but stuck is said once; files of jobs that ended badly go after a while and not before."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from chimera import environment
from chimera.environment import BadEnvironment
from chimera.jobs import clock, leasing, runner, scratch, services, sweep
from chimera.jobs.context import DatabaseContext, NullRecorder, scratch_of
from chimera.jobs.models import Job, JobEvent
from chimera.projects.access import Actor
from chimera.webhooks import services as webhooks
from chimera.webhooks.models import Delivery

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def thresholds(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.STUCK_SECONDS = {"": 600, "t-other": 10}
    monkeypatch.setattr(sweep, "messages_in", lambda queue: 0)


def silent(actor: Actor, seconds: int, **fields: Any) -> tuple[Job, leasing.Lease]:
    """A running job that has reported nothing for so long; its lease is fresh."""
    job, _ = services.start(actor, "t-count", {})
    claim = leasing.claim_job(job.pk, "w1")
    assert claim is not None
    Job.objects.filter(pk=job.pk).update(progress_at=clock.ago(timedelta(seconds=seconds)), **fields)
    return Job.objects.get(pk=job.pk), claim[1]


def alerts(job: Job) -> list[str]:
    return list(JobEvent.objects.filter(job=job, level="warn").values_list("message", flat=True))


def test_a_job_without_progress_is_said_once_and_again_only_after_new_progress(owner: Actor) -> None:
    webhooks.save(owner, {"name": "chat", "url": "https://example.org/"}, None, "")
    job, lease = silent(owner, 700)
    sweep.sweep()
    sweep.sweep()
    assert alerts(job) == ["alive but stuck: no progress for 11 min 40 s, its worker w1 answers"]
    assert Delivery.objects.get().notice["facts"] == {"job": job.uid}
    context = DatabaseContext(job, lease, NullRecorder())
    context.progress(1, 3, "steps")
    assert Job.objects.get(pk=job.pk).stuck_at is None
    Job.objects.filter(pk=job.pk).update(progress_at=clock.ago(timedelta(seconds=800)))
    sweep.sweep()
    assert len(alerts(job)) == 2


def test_progress_in_time_or_a_lost_worker_is_not_stuck(owner: Actor) -> None:
    fresh, _ = silent(owner, 500)
    lost, _ = silent(owner, 700, lease_until=clock.ago(timedelta(seconds=1)))
    sweep.sweep()
    assert alerts(fresh) == alerts(lost) == []
    assert Job.objects.get(pk=lost.pk).state == "queued"


def test_a_kind_may_have_a_threshold_of_its_own(owner: Actor, settings: Any) -> None:
    settings.STUCK_SECONDS = {"": 600, "t-count": 10}
    job, _ = silent(owner, 20)
    sweep.sweep()
    assert len(alerts(job)) == 1


def test_thresholds_are_read_loudly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X", "600, train=1800")
    assert environment.seconds_by_name("X", "") == {"": 600, "train": 1800}
    for wrong in ("train=5", "soon", "600,train=", "0"):
        monkeypatch.setenv("X", wrong)
        with pytest.raises(BadEnvironment):
            environment.seconds_by_name("X", "")


def ended(actor: Actor, days: float, end: str = "crash") -> Job:
    """A job that failed so long ago."""
    job, _ = services.start(actor, "t-count", {"end": end})
    runner.run_job(job.pk)
    scratch_of(job).mkdir(parents=True, exist_ok=True)
    (scratch_of(job) / "weights").write_text("x")
    Job.objects.filter(pk=job.pk).update(finished_at=clock.ago(timedelta(days=days)))
    return Job.objects.get(pk=job.pk)


def test_files_of_a_failed_job_go_after_the_retention_and_the_job_says_so(editor: Actor) -> None:
    old, young = ended(editor, 15), ended(editor, 13)
    assert scratch.kept_until(young) is not None
    assert scratch.clean_scratch() == 1
    assert not scratch_of(old).exists() and (scratch_of(young) / "weights").exists()
    assert "a retry begins anew" in JobEvent.objects.filter(job=old).latest("pk").message
    assert scratch.kept_until(old) is None and scratch.clean_scratch() == 0
    services.retry(editor, old)
    assert Job.objects.get(pk=old.pk).state == "queued"


def test_files_of_a_job_that_was_queued_again_stay(editor: Actor) -> None:
    job = ended(editor, 15)
    services.retry(editor, job)
    assert scratch.clean_scratch() == 0 and scratch_of(job).exists()


def test_files_of_jobs_that_are_no_more_go_and_so_does_what_a_killed_sweep_left(editor: Actor) -> None:
    job = ended(editor, 1)
    folder = scratch_of(job)
    (folder.parent / "gone-job-7").mkdir()
    (folder.parent / "something-else").mkdir()
    job.delete()
    assert scratch.clean_scratch() == 1
    assert [path.name for path in folder.parent.iterdir()] == ["something-else"]
