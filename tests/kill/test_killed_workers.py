"""Real workers, really killed: what they leave behind is as if nothing had happened."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.db.models import Max

from chimera.context import LocalContext
from chimera.jobs import services
from chimera.jobs.models import Job, State
from chimera.launch.processes import Child, Family
from chimera.projects.access import Actor
from curriculum_app.core.schedule import Schedule
from tests import embedded, factories
from tests.jobs.kinds_for_tests import test_kinds  # noqa: F401
from tests.processes import eventually, kill, start_worker
from training_app.core.configs import TINY, TrainConfig
from training_app.models import Checkpoint, MetricRow, TrainingRun
from training_app.selectors.history import history

pytestmark = [pytest.mark.kill, pytest.mark.timeout(150), pytest.mark.django_db(transaction=True)]
FAULTY = "tests.kill.worker_with_fault"


@pytest.fixture
def family() -> Iterator[Family]:
    family = Family()
    yield family
    family.stop()


def ended(job: Job) -> Job | None:
    job.refresh_from_db()
    return job if job.finished else None


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
    weights, points = uninterrupted(config, tmp_path / "reference")
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
    weights, points = uninterrupted(config, tmp_path / "reference")
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


def kill_at(job: Job, step: int, worker: Child) -> None:
    """SIGKILL the worker once the run has recorded `step`; the run must not be over by then."""

    eventually(lambda: recorded(job) >= step, worker=worker)
    kill(worker)
    job.refresh_from_db()
    assert not job.finished


def recorded(job: Job) -> int:
    """The last step whose points are in the database."""
    return MetricRow.objects.filter(run__job=job).aggregate(last=Max("last_step"))["last"] or 0


def uninterrupted(config: TrainConfig, root: Path) -> tuple[list[str], list[Any]]:
    """The digests of the weights of all checkpoints in order and the points of the same run, here, in its own store."""
    from training_app.core.jobs.train import run

    shutil.copytree(settings.DATA_DIR / "artefacts", root / "artefacts")
    ctx = LocalContext(root)
    row = factories.Schedule.objects.get(pk=config.schedule.number)
    ctx.artefacts = {str(config.schedule): Schedule.open(ctx.store.load("schedule", row.digest))}
    stored = run(config, ctx).stored
    kept = [weights_digest(ctx.recorder.kept[step].manifest) for step in sorted(ctx.recorder.kept)]
    return [*kept, weights_digest(stored.manifest)], [comparable(*point) for point in ctx.recorder.points]


def delivered_points(actor: Actor, job: Job) -> list[Any]:
    """Every point the killed and resumed run has recorded, sealed or not, in the order of its steps."""
    run = TrainingRun.objects.get(job=job)
    found: dict[tuple[int, int], dict[str, float]] = {}
    for key, series in history(actor, run, sorted(run.latest)).series.items():
        assert len(set(series.step.tolist())) == len(series), f"{key} has points twice"
        for step, tokens, value in zip(
            series.step.tolist(), series.tokens.tolist(), series.value.tolist(), strict=True
        ):
            found.setdefault((step, tokens), {})[key] = value
    return [comparable(step, tokens, found[step, tokens]) for step, tokens in sorted(found)]


def comparable(step: int, tokens: int, values: dict[str, float]) -> tuple[int, int, dict[str, float]]:
    """A point without the series that measure time."""
    clocks = ("tokens_per_second", "probe_seconds/")
    return step, tokens, {key: float(value) for key, value in values.items() if not key.startswith(clocks)}


def checkpoints_of(job: Job) -> list[str]:
    return [weights_digest(row.manifest) for row in Checkpoint.objects.filter(run__job=job).order_by("step")]


def weights_digest(manifest: dict[str, Any]) -> str:
    return str(manifest["files"]["model.safetensors"]["sha256"])
