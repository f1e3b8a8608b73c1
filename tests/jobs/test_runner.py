"""What becomes of a job when its function returns, raises, pauses or loses its lease."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from chimera.context import Context
from chimera.jobs import leasing, runner, services
from chimera.jobs.context import scratch_of
from chimera.jobs.models import Job, JobLog, State
from chimera.projects.access import Actor
from tests.jobs import kinds_for_tests

pytestmark = pytest.mark.django_db


def started(actor: Actor, kind: str = "t-count", **config: Any) -> Job:
    return services.start(actor, kind, config)[0]


def ran(actor: Actor, **config: Any) -> Job:
    job = started(actor, **config)
    assert runner.run_job(job.pk, "w1")
    job.refresh_from_db()
    return job


def test_a_job_that_returns_is_succeeded_with_its_adopted_rows_and_no_scratch(editor: Actor) -> None:
    job = ran(editor, steps=4)
    assert (job.state, job.artifacts, job.summary) == (
        "succeeded",
        {"number": "number-4"},
        {"counted": 4, "attempt": 1},
    )
    assert (job.done, job.total, job.unit, job.worker, job.lease_owner) == (4, 4, "steps", "w1", "")
    assert job.finished_at is not None and not scratch_of(job).exists()
    assert [event.state for event in job.events.all()] == ["queued", "running", "succeeded"]


def test_log_lines_arrive_although_they_are_buffered(editor: Actor) -> None:
    job = ran(editor, steps=30)
    lines = "\n".join(JobLog.objects.filter(job=job).values_list("text", flat=True)).split("\n")
    assert lines == [f"step {n}" for n in range(30)]


def test_wrong_input_fails_with_its_problems_and_is_never_retried(editor: Actor) -> None:
    job = ran(editor, end="input")
    assert (job.state, job.attempt, job.error_class) == ("failed", 1, "InputError")
    assert job.problems[0]["field"] == "steps" and job.problems[0]["hint"] == "take an even number"


def test_a_hiccup_is_tried_again_later_and_fails_at_the_last_attempt(editor: Actor) -> None:
    job = ran(editor, end="disk")
    assert job.state == State.QUEUED and job.not_before is not None and job.not_before > timezone.now()
    assert not runner.run_job(job.pk), "not before its time"
    for _ in range(job.max_attempts - 1):
        Job.objects.filter(pk=job.pk).update(not_before=None)
        assert runner.run_job(job.pk)
    job.refresh_from_db()
    assert (job.state, job.attempt) == ("failed", job.max_attempts) and "disk hiccup" in job.error_text


def test_a_missing_file_is_no_hiccup(editor: Actor) -> None:
    job = ran(editor, end="missing")
    assert (job.state, job.attempt, job.error_class) == ("failed", 1, "FileNotFoundError")


@pytest.mark.parametrize("end", ["crash", "adopt"])
def test_any_other_error_fails_with_its_traceback(editor: Actor, end: str) -> None:
    job = ran(editor, end=end)
    assert (job.state, job.error_class) == ("failed", "ZeroDivisionError")
    assert "Traceback" in job.error_text and job.artifacts == {}


def test_a_config_that_no_longer_validates_fails_with_the_field(editor: Actor) -> None:
    job = started(editor)
    Job.objects.filter(pk=job.pk).update(config={"steps": 0})
    runner.run_job(job.pk)
    job.refresh_from_db()
    assert job.state == "failed" and job.problems[0]["field"] == "steps"


def act_at(monkeypatch: pytest.MonkeyPatch, step: int, act: Any) -> None:
    """Make the counter call `act()` before its step `step`."""
    plain = kinds_for_tests.count

    def count(config: Any, ctx: Context) -> Any:
        check, seen = ctx.check, [0]

        def checked() -> None:
            if seen[0] == step:
                act()
            seen[0] += 1
            check()

        monkeypatch.setattr(ctx, "check", checked)
        return plain(config, ctx)

    monkeypatch.setattr(kinds_for_tests, "count", count)


def test_pause_stops_at_the_next_safe_point_and_resume_goes_on(editor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    job = started(editor)
    with monkeypatch.context() as patch:
        act_at(patch, 1, lambda: services.pause(editor, job))
        runner.run_job(job.pk)
    job.refresh_from_db()
    assert (job.state, job.control, job.done) == ("paused", "none", 1) and scratch_of(job).exists()
    services.resume(editor, job)
    assert runner.run_job(job.pk)
    job.refresh_from_db()
    assert (job.state, job.attempt) == ("succeeded", 2)


def test_cancel_of_a_running_job_is_confirmed_by_its_worker(editor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    job = started(editor)
    act_at(monkeypatch, 1, lambda: services.cancel(editor, job))
    runner.run_job(job.pk)
    job.refresh_from_db()
    assert job.state == "cancelled"
    assert [event.state for event in job.events.all()][-2:] == ["cancelling", "cancelled"]


def test_a_job_cancelled_while_it_finished_adopts_nothing(editor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    job = started(editor)
    plain = kinds_for_tests.count

    def count(config: Any, ctx: Context) -> Any:
        result = plain(config, ctx)
        services.cancel(editor, job)
        return result

    monkeypatch.setattr(kinds_for_tests, "count", count)
    runner.run_job(job.pk)
    job.refresh_from_db()
    assert (job.state, job.artifacts) == ("cancelled", {})


def test_a_stopping_worker_gives_its_job_back_to_the_queue(editor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    from chimera.jobs import workers

    job = started(editor)
    act_at(monkeypatch, 1, lambda: workers.release("w1"))
    runner.run_job(job.pk, "w1")
    job.refresh_from_db()
    assert (job.state, job.control, job.max_attempts) == ("queued", "none", 6)


def test_a_worker_that_lost_its_lease_writes_nothing_more(editor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    job = started(editor)
    act_at(monkeypatch, 2, lambda: Job.objects.filter(pk=job.pk).update(lease_owner="another", worker="w2"))
    runner.run_job(job.pk, "w1")
    job.refresh_from_db()
    assert (job.state, job.lease_owner, job.worker) == ("running", "another", "w2")
    assert [event.state for event in job.events.all()] == ["queued", "running"]


def test_a_lease_lost_just_before_the_end_adopts_nothing(editor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    job = started(editor)

    def adopt(job: Job, result: int) -> Any:
        raise AssertionError("adopted under a dead lease")

    def count(config: Any, ctx: Context) -> int:
        Job.objects.filter(pk=job.pk).update(lease_owner="another")
        return 1

    monkeypatch.setattr(kinds_for_tests, "adopt", adopt)
    monkeypatch.setattr(kinds_for_tests, "count", count)
    runner.run_job(job.pk)
    job.refresh_from_db()
    assert job.state == "running" and job.lease_owner == "another"


def test_run_next_takes_the_highest_priority_then_the_oldest(editor: Actor) -> None:
    first, second, third = (started(editor, name=name) for name in ("a", "b", "c"))
    services.set_priority(editor, third, 5)
    order = []
    while (claimed := leasing.claim("cpu")) is not None:
        order.append(claimed[0].pk)
    assert order == [third.pk, first.pk, second.pk]
    assert not runner.run_next("gpu")
