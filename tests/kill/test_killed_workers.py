"""Real workers, really killed: what they leave behind is as if nothing had happened."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
from django.db import connection

from chimera.jobs import services
from chimera.jobs.models import Job, State
from chimera.launch.processes import Family
from tests import embedded, factories
from tests.jobs.kinds_for_tests import test_kinds  # noqa: F401
from tests.kill.real_runs import FAULTY, checkpoints_of, delivered_points, ended, kill_at, recorded, uninterrupted
from tests.processes import eventually, start_worker
from training_app.core.configs import TINY, TrainConfig
from training_app.models import Checkpoint

pytestmark = [pytest.mark.kill, pytest.mark.timeout(150), pytest.mark.django_db(transaction=True)]


def test_a_run_killed_three_times_ends_with_the_weights_and_points_of_one_never_killed(
    family: Family, tmp_path: Path
) -> None:
    actor = factories.make_actor()
    schedule = factories.make_schedule(actor)
    probes = [{"key": key, "config": {"every": 10}} for key in ("stable_rank", "token_entropy")]
    config = TrainConfig.model_validate(
        {"name": "victim", "schedule": schedule.uid, "model": TINY, "batch_sequences": 1, "probes": probes,
         "evaluate_every": 100, "checkpoint_every_steps": 20, "keep_every_steps": 60}
    )  # fmt: skip
    _, weights, points = uninterrupted(config, tmp_path / "reference")
    first, second = sorted(random.Random(20).sample(range(30, round(0.7 * len(points))), 2))

    job, _ = services.start(actor, "train", config.as_json())
    Job.objects.filter(pk=job.pk).update(max_attempts=9)
    mark = tmp_path / "killed-in-rename"
    fault = {"CHIMERA_TEST_KILL_AT_RENAME": "1", "CHIMERA_TEST_KILLED": str(mark)}
    kill_at(job, first, start_worker(family, tmp_path / "1.log", module=FAULTY, **fault))
    assert mark.exists(), "the first worker's pool process died in the place of a rename"
    kill_at(job, second, start_worker(family, tmp_path / "2.log"))
    last = start_worker(family, tmp_path / "3.log")
    eventually(lambda: ended(job), worker=last)

    assert job.state == State.SUCCEEDED, job.error_text
    assert job.attempt >= 4  # more if a busy machine let a lease expire
    assert checkpoints_of(job) == weights
    assert delivered_points(actor, job) == points


def test_one_swapped_batch_in_a_real_run_turns_it_red(family: Family, tmp_path: Path) -> None:
    actor = factories.make_actor()
    schedule = factories.make_schedule(actor)
    config = {"name": "swapped", "schedule": schedule.uid, "model": TINY.as_json(), "batch_sequences": 8, "probes": []}
    job, _ = services.start(actor, "train", config)
    worker = start_worker(family, tmp_path / "worker.log", module=FAULTY, CHIMERA_TEST_SWAP="2")
    eventually(lambda: ended(job), worker=worker)
    assert (job.state, job.error_class) == (State.FAILED, "DeliveryMismatch")
    assert "16 of " in job.error_text and "first at row 16" in job.error_text
    assert not Checkpoint.objects.exists()


@pytest.mark.skipif(not embedded.owns_postgres(), reason="the database is not the tests' own")
def test_a_restart_of_the_database_in_mid_run_loses_nothing_and_doubles_nothing(family: Family, tmp_path: Path) -> None:
    actor = factories.make_actor()
    schedule = factories.make_schedule(actor)
    config = TrainConfig.model_validate(
        {"name": "patient", "schedule": schedule.uid, "model": TINY, "batch_sequences": 1, "probes": []}
    )
    _, weights, points = uninterrupted(config, tmp_path / "reference")
    job, _ = services.start(actor, "train", config.as_json())
    worker = start_worker(family, tmp_path / "worker.log")
    eventually(lambda: recorded(job) >= 20, worker=worker)
    connection.close()
    connection.close_pool()  # ours: the worker has to find its own way back
    embedded.restart_postgres()
    eventually(lambda: ended(job), worker=worker)
    assert job.state == State.SUCCEEDED, job.error_text
    assert checkpoints_of(job) == weights and delivered_points(actor, job) == points


def test_a_composite_of_composites_ends_with_one_worker_of_one_process(
    family: Family,
    tmp_path: Path,
    test_kinds: None,  # noqa: F811
) -> None:
    job, _ = services.start(factories.make_actor(), "t-nest", {"pairs": 2})
    worker = start_worker(family, tmp_path / "worker.log", module=FAULTY, CHIMERA_TEST_KINDS="1")
    eventually(lambda: ended(job), worker=worker)
    assert job.state == State.SUCCEEDED, job.error_text
    assert Counter(Job.objects.values_list("kind", flat=True)) == {"t-nest": 1, "t-pairs": 1, "t-count": 4}
