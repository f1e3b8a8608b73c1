"""Real runs in real workers: killed where a test wants it, and compared with the same run that nobody disturbed."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Max

from chimera.artefacts import Stored
from chimera.context import Amendment, LocalContext
from chimera.jobs.models import Job
from chimera.launch.processes import Child
from chimera.projects.access import Actor
from curriculum_app.core.schedule import Schedule
from curriculum_app.models import Schedule as ScheduleRow
from tests.processes import eventually, kill
from training_app.core.configs import TrainConfig
from training_app.models import Checkpoint, MetricRow, TrainingRun
from training_app.selectors.history import history

FAULTY = "tests.kill.worker_with_fault"


def ended(job: Job) -> Job | None:
    job.refresh_from_db()
    return job if job.finished else None


def kill_at(job: Job, step: int, worker: Child) -> None:
    """SIGKILL the worker once the run has recorded `step`; the run must not be over by then."""

    eventually(lambda: recorded(job) >= step, worker=worker)
    kill(worker)
    job.refresh_from_db()
    assert not job.finished


def recorded(job: Job) -> int:
    """The last step whose points are in the database."""
    return MetricRow.objects.filter(run__job=job).aggregate(last=Max("last_step"))["last"] or 0


def uninterrupted(
    config: TrainConfig, root: Path, asked: Sequence[tuple[int, Amendment]] = ()
) -> tuple[Stored, list[str], list[Any]]:
    """The same run, here, in its own store: its result, the digests of the weights of all its checkpoints in order, and
    its points. It hears of an edit of its plan (`asked`) after so many steps.
    """
    from training_app.core.jobs.train import run

    made = shutil.ignore_patterns("checkpoint")  # a result that lies in the store already would not be made again
    shutil.copytree(settings.DATA_DIR / "artefacts", root / "artefacts", ignore=made)
    ctx = LocalContext(root)
    row = ScheduleRow.objects.get(pk=config.schedule.number)
    ctx.artefacts = {str(config.schedule): Schedule.open(ctx.store.load("schedule", row.digest))}
    ctx.recorder.amendments = lambda: [edit for step, edit in asked if len(ctx.recorder.points) >= step]  # type: ignore[method-assign]
    stored = run(config, ctx).stored
    kept = [weights_digest(ctx.recorder.kept[step].manifest) for step in sorted(ctx.recorder.kept)]
    return stored, [*kept, weights_digest(stored.manifest)], [comparable(*point) for point in ctx.recorder.points]


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
