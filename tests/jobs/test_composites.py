"""Composites occupy no worker, finish with a single one, and fail, reopen, pause and cancel with their children."""

from __future__ import annotations

from typing import Any

import pytest

from chimera.errors import InputError
from chimera.jobs import kinds, runner, services, sweep
from chimera.jobs.models import Job
from chimera.projects.access import Actor
from tests.jobs import kinds_for_tests

pytestmark = pytest.mark.django_db


def started(actor: Actor, kind: str = "t-pairs", **config: Any) -> Job:
    return services.start(actor, kind, config)[0]


def work_off() -> int:
    """One worker of concurrency one until nothing is queued; how many jobs it ran."""
    ran = 0
    while runner.run_next("cpu", "only"):
        ran += 1
    return ran


def fresh(job: Job) -> Job:
    return Job.objects.get(pk=job.pk)


def test_a_single_worker_finishes_a_composite(editor: Actor) -> None:
    job = started(editor, pairs=3)
    assert job.children.count() == 3 and work_off() == 6
    job = fresh(job)
    assert (job.state, job.summary, job.done, job.total) == ("succeeded", {"total": 3 * (3 + 4)}, 6, 6)
    assert set(job.children.values_list("slot", flat=True)) == {
        f"{w}/{n}" for w in ("first", "second") for n in range(3)
    }


def test_a_single_worker_finishes_a_composite_inside_a_composite(editor: Actor) -> None:
    job = started(editor, "t-nest", pairs=2)
    assert work_off() == 4 and fresh(job).state == "succeeded"


def test_a_composite_without_children_concludes_when_it_is_created(editor: Actor) -> None:
    assert fresh(started(editor, pairs=0)).state == "succeeded"


def test_children_inherit_project_author_and_priority(editor: Actor) -> None:
    job = services.start(editor, "t-pairs", {}, priority=7)[0]
    child = job.children.first()
    assert child is not None
    assert (child.project, child.created_by, child.priority) == (editor.project, editor.user, 7)


def test_a_failed_child_fails_its_composite_by_name_and_its_retry_reopens_it(
    editor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = started(editor, "t-nest", second="crash")
    work_off()
    child = Job.objects.get(slot="second/0")
    pairs = fresh(job).children.get()
    assert (child.state, pairs.state, fresh(job).state) == ("failed", "failed", "failed")
    assert pairs.message == f"second/0 ({child.uid}) failed: ZeroDivisionError: one by nought"
    assert f"pairs ({pairs.uid}) failed: second/0" in fresh(job).message
    Job.objects.filter(pk=child.pk).update(config={**child.config, "end": "well"})
    services.retry(editor, child)
    assert fresh(job).state == fresh(pairs).state == "running" and fresh(job).message == ""
    work_off()
    assert fresh(job).state == "succeeded"


def test_retry_of_the_composite_retries_its_failed_children(editor: Actor) -> None:
    job = started(editor, second="crash", pairs=1)
    work_off()
    Job.objects.filter(slot="second/0").update(config=kinds_for_tests.CountConfig().as_json())
    services.retry(editor, job)
    work_off()
    assert fresh(job).state == "succeeded"


def test_a_composite_with_two_failed_children_stays_failed_until_both_are_retried(editor: Actor) -> None:
    job = started(editor, second="crash", pairs=2)
    work_off()
    one, two = Job.objects.filter(state="failed", parent=job)
    Job.objects.filter(parent=job, state="failed").update(config=kinds_for_tests.CountConfig().as_json())
    services.retry(editor, one)
    assert fresh(job).state == "failed"
    services.retry(editor, two)
    assert fresh(job).state == "running"
    work_off()
    assert fresh(job).state == "succeeded"


def test_siblings_of_a_failed_child_still_run(editor: Actor) -> None:
    job = started(editor, pairs=2)
    first, second = job.children.order_by("pk")
    Job.objects.filter(pk=first.pk).update(config={**first.config, "end": "crash"})
    work_off()
    assert (fresh(job).state, fresh(second).state) == ("failed", "succeeded")


def test_a_plan_that_raises_fails_the_composite_not_the_request_nor_the_child(
    editor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = started(editor, plan="crash")
    assert (job.state, job.message) == ("failed", "ZeroDivisionError: no plan")
    assert "Traceback" in job.error_text

    def conclude(job: Job, finished: Any) -> Any:
        raise ZeroDivisionError("no end")

    monkeypatch.setattr(kinds_for_tests, "conclude", conclude)
    job = started(editor, pairs=1)
    work_off()
    assert fresh(job).state == "failed"
    assert set(job.children.values_list("state", flat=True)) == {"succeeded"}


def test_cancel_takes_waiting_children_at_once_and_waits_for_running_ones(
    editor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = started(editor, "t-nest", pairs=2)
    plain = kinds_for_tests.count

    def count(config: Any, ctx: Any) -> Any:
        services.cancel(editor, job)
        assert fresh(job).state == "cancelling"
        assert sorted(Job.objects.filter(kind="t-count").values_list("state", flat=True)) == ["cancelled", "cancelling"]
        return plain(config, ctx)

    monkeypatch.setattr(kinds_for_tests, "count", count)
    runner.run_next("cpu")
    assert set(Job.objects.values_list("state", flat=True)) == {"cancelled"}


def test_pause_and_resume_of_a_composite(editor: Actor) -> None:
    job = started(editor, pairs=2)
    services.pause(editor, job)
    assert set(Job.objects.values_list("state", flat=True)) == {"paused"} and work_off() == 0
    with pytest.raises(InputError, match=f"belongs to {job.uid}, which is paused"):
        services.resume(editor, job.children.all()[0])
    services.resume(editor, job)
    assert work_off() == 4 and fresh(job).state == "succeeded"


def test_a_child_that_succeeds_while_its_composite_is_paused_is_followed_up_on_resume(
    editor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = started(editor, pairs=1)

    def count(config: Any, ctx: Any) -> int:
        services.pause(editor, job)
        return int(config.steps)

    with monkeypatch.context() as patch:
        patch.setattr(kinds_for_tests, "count", count)
        runner.run_next("cpu")
    assert fresh(job).state == "paused" and job.children.count() == 1
    services.resume(editor, job)
    assert work_off() == 1 and fresh(job).state == "succeeded"


def test_the_sweep_heals_a_composite_that_missed_the_end_of_its_children(editor: Actor) -> None:
    job = started(editor, pairs=1)
    child = job.children.get()
    Job.objects.filter(pk=child.pk).update(state="succeeded", summary={"counted": 1})
    sweep.sweep()
    assert Job.objects.filter(slot="second/0", state="queued").exists()
    Job.objects.filter(slot="second/0").update(state="failed", message="gone")
    sweep.sweep()
    assert fresh(job).state == "failed" and "gone" in fresh(job).message


def test_asking_the_plan_again_changes_nothing(editor: Actor) -> None:
    started(editor, "t-nest")
    before = list(Job.objects.order_by("pk").values_list("pk", "state", "done"))
    sweep.sweep()
    sweep.sweep()
    assert list(Job.objects.order_by("pk").values_list("pk", "state", "done")) == before
    assert kinds.get_kind("t-nest").composite
