"""Runs whose order is decided or changed while they go on: a kill forgets no decision, and makes none twice."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chimera.artefacts import Stored
from chimera.context import Amendment
from chimera.jobs import services
from chimera.jobs.models import Job, State
from chimera.jobs.runner import run_job
from chimera.launch.processes import Child, Family
from chimera.projects.access import Actor
from curriculum_app.core.adaptive import contract
from curriculum_app.models import Schedule
from tests import factories
from tests.kill.real_runs import FAULTY, checkpoints_of, delivered_points, ended, kill_at, uninterrupted
from tests.processes import eventually, kill, start_worker
from training_app.core.configs import TINY, TrainConfig
from training_app.models import Checkpoint, PlanEdit, RunEvent, TrainingRun

pytestmark = [pytest.mark.kill, pytest.mark.timeout(150), pytest.mark.django_db(transaction=True)]


def done_here(actor: Actor, kind: str, config: dict[str, Any]) -> Job:
    """A job that this process has worked off."""
    job, _ = services.start(actor, kind, config)
    assert run_job(job.pk)
    job.refresh_from_db()
    assert job.state == State.SUCCEEDED, job.error_text
    return job


def started(actor: Actor, schedule: str) -> tuple[Job, TrainConfig]:
    """A queued run of one row a step, with a resume point every 20 steps."""
    config = TrainConfig.model_validate(
        {"name": "victim", "schedule": schedule, "model": TINY, "batch_sequences": 1, "probes": [],
         "evaluate_every": 50, "checkpoint_every_steps": 20}
    )  # fmt: skip
    job, _ = services.start(actor, "train", config.as_json())
    Job.objects.filter(pk=job.pk).update(max_attempts=9)
    return job, config


def shown(stored: Stored) -> bytes:
    """The rows that were fed, in their order."""
    return np.load(stored.path / "delivered.npy").tobytes()


def test_a_killed_run_that_decides_its_order_makes_the_decisions_of_one_never_killed(
    family: Family, tmp_path: Path
) -> None:
    actor = factories.make_actor()
    sequences = factories.make_sequences(actor)
    policy = {"key": "dihcl", "config": {"passes": 5, "feedback": "loss"}}
    asked = {"name": "hard", "sequences": sequences.uid, "policy": policy, "budget_tokens": 32 * 160}
    job, config = started(actor, done_here(actor, "schedule", asked).artifacts["schedule"])
    kill_at(job, 50, start_worker(family, tmp_path / "1.log"))
    last = start_worker(family, tmp_path / "2.log")
    eventually(lambda: ended(job), worker=last)

    assert job.state == State.SUCCEEDED and job.attempt >= 2, job.error_text
    expected, weights, points = uninterrupted(config, tmp_path / "reference")
    found = Checkpoint.objects.get(run__job=job).stored()
    assert shown(found) == shown(expected) and len(set(np.load(found.path / "delivered.npy")["sequence"])) == 32
    for name in ("journal", "chooser"):
        left, right = (contract.State.read(each.path, name) for each in (found, expected))
        assert left.facts == right.facts and left.arrays.keys() == right.arrays.keys()
        assert all(left.arrays[key].tobytes() == right.arrays[key].tobytes() for key in left.arrays)
    assert checkpoints_of(job) == weights and delivered_points(actor, job) == points
    episodes = list(RunEvent.objects.filter(run__job=job, kind="episode").values_list("message", flat=True))
    assert len(episodes) == len(set(episodes)) >= 5


def test_an_edit_answered_before_a_kill_and_one_that_waits_at_it_are_each_made_once(
    family: Family, tmp_path: Path
) -> None:
    actor = factories.make_actor()
    before = factories.make_schedule(actor)
    job, config = started(actor, before.uid)
    first = edited(actor, job, seed=1, step=30)
    mark = (
        tmp_path / "killed-in-rename"
    )  # of the point of step 60: those of the answer and of steps 20, 40, 50 are whole
    fault = {"CHIMERA_TEST_KILL_AT_RENAME": "5", "CHIMERA_TEST_KILLED": str(mark)}
    worker = start_worker(family, tmp_path / "1.log", module=FAULTY, **fault)
    eventually(mark.exists, worker=worker)
    stand_still(worker)
    second = edited(actor, job, seed=2, step=150)
    kill(worker)
    assert second.state == PlanEdit.State.ASKED and second.before == first.schedule
    eventually(lambda: ended(job), worker=start_worker(family, tmp_path / "2.log"))

    assert job.state == State.SUCCEEDED and job.attempt >= 2, job.error_text
    found = Checkpoint.objects.get(run__job=job).stored()
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.step, second.step) == (0, 50)
    asked = [(heard(edit), Amendment(edit.pk, edit.schedule.stored(), edit.first_row)) for edit in (first, second)]
    expected, weights, points = uninterrupted(config, tmp_path / "reference", asked)
    assert shown(found) == shown(expected)
    assert checkpoints_of(job) == weights and delivered_points(actor, job) == points
    run = TrainingRun.objects.get(job=job)
    assert run.schedule == second.schedule and run.delivered_digest == run.planned_digest
    assert run.delivered_digest == Schedule.objects.get(pk=second.schedule_id).order_digest != before.order_digest
    made = run.events.filter(kind="plan_edited").order_by("pk").values_list("message", flat=True)
    assert [message.partition(" from row ")[2] for message in made] == ["29 on", "149 on"]


def edited(actor: Actor, job: Job, *, seed: int, step: int) -> PlanEdit:
    """An edit of the job's run from `step` on, planned here; the run has not heard of it yet."""
    run = TrainingRun.objects.get(job=job)
    asked = {"name": f"order {seed}", "run": run.uid, "from_step": step, "policy": {"key": "shuffle"}, "seed": seed}
    return PlanEdit.objects.get(job=done_here(actor, "edit-plan", asked))


def heard(edit: PlanEdit) -> int:
    """After which step the run took the edit over."""
    assert edit.state == PlanEdit.State.MADE and edit.step is not None
    return edit.step


def stand_still(worker: Child) -> None:
    """Stop the worker and its pool processes where they are."""
    os.killpg(worker.process.pid, signal.SIGSTOP)
