"""Wrong clocks, a flushed broker, a database that restarts: nothing is lost and nothing is done twice."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Callable
from typing import Any

import pytest
import redis
from django.conf import settings as django_settings
from django.db import connection
from django.utils import timezone

from chimera.context import CheckpointNote, Context
from chimera.jobs import leasing, runner, services, sweep
from chimera.jobs.models import Job, JobEvent
from chimera.projects.access import Actor
from tests.jobs import kinds_for_tests
from tests.jobs.conftest import real_send


def skewed(monkeypatch: pytest.MonkeyPatch, hours: float) -> None:
    """From now on this process believes that it is `hours` later."""
    right = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: right() + datetime.timedelta(hours=hours))


def reread(job: Job) -> Job:
    return Job.objects.get(pk=job.pk)


@pytest.mark.django_db
@pytest.mark.parametrize("hours", [-5, 5])
def test_a_worker_with_a_wrong_clock_gets_a_right_lease(
    editor: Actor, monkeypatch: pytest.MonkeyPatch, hours: float
) -> None:
    job, _ = services.start(editor, "t-count", {})
    with monkeypatch.context() as patch:
        skewed(patch, hours)
        claim = leasing.claim_job(job.pk, "w1")
        assert claim is not None
        claim[1].beat()
    until = reread(job).lease_until
    assert until is not None and 0 < (until - timezone.now()).total_seconds() <= django_settings.LEASE_SECONDS
    sweep.sweep()
    assert reread(job).state == "running"


@pytest.mark.django_db
def test_a_sweep_with_a_wrong_clock_takes_no_live_lease_and_sends_nothing_twice(
    editor: Actor, monkeypatch: pytest.MonkeyPatch, quiet: list[str]
) -> None:
    running, _ = services.start(editor, "t-count", {})
    leasing.claim_job(running.pk, "w1")
    services.start(editor, "t-count", {})
    monkeypatch.setattr(sweep, "messages_in", lambda queue: 0)
    skewed(monkeypatch, 5)
    sweep.sweep()
    assert reread(running).state == "running" and quiet == []


@pytest.mark.django_db
def test_a_pause_between_tries_is_as_long_whatever_the_clock(editor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    job, _ = services.start(editor, "t-count", {"end": "disk"})
    with monkeypatch.context() as patch:
        skewed(patch, -5)
        runner.run_job(job.pk)
    assert not runner.run_job(job.pk), "not before its time"


@pytest.mark.django_db
def test_a_flushed_broker_loses_no_job_and_a_message_too_many_does_nothing(
    editor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = f"flushed-{uuid.uuid4().hex[:10]}"
    job, _ = services.start(editor, "t-count", {})
    Job.objects.filter(pk=job.pk).update(queue=queue, dispatched_at=None)
    monkeypatch.setattr(sweep, "send", real_send)
    real_send(queue)
    assert sweep.messages_in(queue) == 1
    broker = redis.Redis.from_url(django_settings.REDIS_URL)
    broker.delete(*broker.keys(f"*{queue}*"))
    assert sweep.messages_in(queue) == 0
    sweep.sweep()
    sweep.sweep()
    assert sweep.messages_in(queue) == 1, "one job, one message"
    assert [runner.run_next(queue) for _ in range(3)] == [True, False, False]
    assert (reread(job).state, reread(job).attempt) == ("succeeded", 1)


def cut_connections() -> None:
    """What a client sees of a database that restarts: every connection to it is gone."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() ORDER BY pid = pg_backend_pid()"
        )


def restarting(monkeypatch: pytest.MonkeyPatch, at: int, cut: Callable[[], None]) -> list[int]:
    """Let the database restart once, when the counter comes to step `at`; the steps it has worked."""
    plain, worked, done = kinds_for_tests.count, [], []

    def count(config: Any, ctx: Context) -> Any:
        progress = ctx.progress

        def reported(step: int, *args: Any) -> None:
            worked.append(step)
            if step == at and not done:
                done.append(step)
                cut()
            progress(step, *args)

        monkeypatch.setattr(ctx, "progress", reported)
        return plain(config, ctx)

    monkeypatch.setattr(kinds_for_tests, "count", count)
    return worked


@pytest.mark.django_db(transaction=True)
def test_a_database_that_restarts_costs_a_job_neither_work_nor_result(
    editor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut() -> None:
        with pytest.raises(Exception, match="terminat"):
            cut_connections()

    worked = restarting(monkeypatch, 2, cut)
    job, _ = services.start(editor, "t-count", {"steps": 4})
    assert runner.run_job(job.pk, "w1")
    job = reread(job)
    assert (job.state, job.attempt, job.artifacts) == ("succeeded", 1, {"number": "number-4"})
    assert worked == [1, 2, 3, 4]
    states = list(JobEvent.objects.filter(job=job).values_list("state", flat=True))
    assert states == ["queued", "running", "succeeded"]


@pytest.mark.django_db(transaction=True)
def test_points_of_a_run_survive_a_restart_of_the_database_once_each(editor: Actor, tmp_path: Any) -> None:
    from tests.web.run_factory import Clock, checkpoint_directory, make_run, next_attempt, recorder_of
    from training_app.selectors.history import history

    run, clock = make_run(editor), Clock()
    recorder = recorder_of(run, clock)
    recorder.resume()
    for step in range(1, 31):
        clock.tick(0.1)
        recorder.write(step, step * 1000, {"loss": float(step)})
        if step == 20:
            recorder.checkpoint(CheckpointNote(checkpoint_directory(tmp_path, 20), 20, 20_000))
    with pytest.raises(Exception, match="terminat"):
        cut_connections()
    recorder.flush()
    next_attempt(run)
    recorder = recorder_of(run, clock)
    saved = recorder.resume()
    assert saved is not None and saved.step == 20
    for step in range(21, 41):
        clock.tick(0.1)
        recorder.write(step, step * 1000, {"loss": float(step)})
    recorder.flush()
    series = history(editor, run, ["loss"]).series["loss"]
    assert series.step.tolist() == list(range(1, 41))
