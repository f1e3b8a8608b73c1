"""Any order of what users, workers and the sweep may do leaves every job in a state that makes sense."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from chimera.errors import InputError
from chimera.jobs import leasing, runner, services, sweep
from chimera.jobs.models import FINISHED, Job, JobEvent
from chimera.projects.access import Actor
from tests.jobs.kinds_for_tests import CountConfig

pick = st.integers(0, 30)


class Jobs(RuleBasedStateMachine):
    """One pair composite and single counters; claims are held as a worker holds them."""

    actor: ClassVar[Actor]

    def __init__(self) -> None:
        super().__init__()
        self.held: list[tuple[Job, leasing.Lease]] = []
        self.succeeded: set[int] = set()
        self.undo = transaction.atomic()
        self.undo.__enter__()

    @initialize()
    def begin(self) -> None:
        services.start(self.actor, "t-pairs", {"pairs": 1})

    @rule(end=st.sampled_from(["well", "input", "disk", "crash"]))
    def start(self, end: str) -> None:
        if Job.objects.count() < 8:
            services.start(self.actor, "t-count", {"end": end, "steps": 1})

    @rule()
    def claim(self) -> None:
        claimed = leasing.claim("cpu", "w")
        if claimed is not None:
            self.held.append(claimed)

    @rule(which=pick)
    def work(self, which: int) -> None:
        """A worker goes on, perhaps long after its lease was taken away."""
        if self.held:
            runner._run(self.held.pop(which % len(self.held)))

    @rule(which=pick)
    def die(self, which: int) -> None:
        if self.held:
            _, lease = self.held[which % len(self.held)]  # its worker may still wake up: the claim stays held
            lease.rows().update(lease_until=timezone.now() - timedelta(seconds=1))

    @rule()
    def sweep(self) -> None:
        sweep.sweep()

    @rule(which=pick, verb=st.sampled_from(sorted(services.VERBS)))
    def control(self, which: int, verb: str) -> None:
        jobs = list(Job.objects.order_by("pk"))
        try:
            services.VERBS[verb](self.actor, jobs[which % len(jobs)])
        except InputError:
            assert jobs[which % len(jobs)].state == Job.objects.get(pk=jobs[which % len(jobs)].pk).state

    @rule(which=pick)
    def mend_and_wait(self, which: int) -> None:
        """The user mends what failed; time passes."""
        Job.objects.filter(kind="t-count", state="failed").update(config=CountConfig(steps=1).as_json())
        Job.objects.update(not_before=None)

    @invariant()
    def rows_make_sense(self) -> None:
        for job in Job.objects.all():
            leased = job.state in ("running", "cancelling") and not job.composite
            assert bool(job.lease_owner) == leased, job
            assert job.attempt <= job.max_attempts
            assert (job.finished_at is not None) == (job.state in FINISHED), job
            assert job.events.order_by("-pk")[0].state == job.state, job
            if job.composite and job.state == "succeeded":
                assert set(job.children.values_list("state", flat=True)) <= {"succeeded"}
            if job.composite and job.state in FINISHED:
                assert job.state == "succeeded" or job.children.filter(state__in=["failed", "cancelled"]).exists()

    @invariant()
    def success_is_for_ever_and_happens_once(self) -> None:
        now = set(Job.objects.filter(state="succeeded").values_list("pk", flat=True))
        assert self.succeeded <= now
        self.succeeded = now
        assert JobEvent.objects.filter(state="succeeded").count() == len(now)

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.undo.__exit__(None, None, None)


@pytest.mark.django_db
def test_any_order_of_events_keeps_jobs_sound(editor: Actor, monkeypatch: Any) -> None:
    Jobs.actor = editor
    monkeypatch.setattr(sweep, "messages_in", lambda queue: 0)
    run_state_machine_as_test(Jobs, settings=settings(max_examples=8, stateful_step_count=25, deadline=None))
