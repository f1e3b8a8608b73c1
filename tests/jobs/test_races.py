"""Two at once, with real transactions in real threads: no double run, no double job, no deadlock."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from chimera.jobs import leasing, runner, services
from chimera.jobs.models import Job, JobEvent
from chimera.projects.access import Actor

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(count: int, act: Callable[[int], Any]) -> list[Any]:
    """`act(0..count-1)` in threads that start together."""
    barrier = threading.Barrier(count)

    def one(number: int) -> Any:
        try:
            barrier.wait(10)
            return act(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def test_one_job_is_claimed_once(editor: Actor) -> None:
    job, _ = services.start(editor, "t-count", {})
    claims = [claim for claim in at_once(6, lambda n: leasing.claim("cpu", f"w{n}")) if claim]
    assert len(claims) == 1 and Job.objects.get(pk=job.pk).attempt == 1


def test_workers_share_a_queue_without_taking_a_job_twice(editor: Actor) -> None:
    for _ in range(12):
        services.start(editor, "t-count", {"steps": 1})

    def drain(number: int) -> int:
        return sum(1 for _ in iter(lambda: runner.run_next("cpu", f"w{number}"), False))

    assert sum(at_once(4, drain)) == 12
    assert set(Job.objects.values_list("state", "attempt")) == {("succeeded", 1)}
    assert JobEvent.objects.filter(state="running").count() == 12


def test_two_clicks_at_the_same_moment_give_one_job(editor: Actor) -> None:
    jobs = at_once(5, lambda n: services.start(editor, "t-count", {}, key="same"))
    assert len({job.pk for job, _ in jobs}) == 1 and sum(created for _, created in jobs) == 1


def test_children_that_end_together_and_a_pause_do_not_deadlock_nor_double_a_slot(editor: Actor) -> None:
    job, _ = services.start(editor, "t-pairs", {"pairs": 8})

    def act(number: int) -> int:
        if number == 3:
            services.pause(editor, job)
            services.resume(editor, job)
        return sum(1 for _ in iter(lambda: runner.run_next("cpu", f"w{number}"), False))

    at_once(4, act)
    while runner.run_next("cpu"):
        pass
    for child in job.children.filter(state="paused"):  # one that saw the pause before it was withdrawn
        services.resume(editor, child)
        runner.run_job(child.pk)
    while runner.run_next("cpu"):
        pass
    assert Job.objects.get(pk=job.pk).state == "succeeded" and job.children.count() == 16
