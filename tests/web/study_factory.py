"""Decided studies with made-up scores: rows as a worker leaves them, the schedule behind them real and shared."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from chimera.jobs.kinds import Finished
from chimera.jobs.models import Job, State
from chimera.projects.access import Actor
from curriculum_app.models import Schedule
from eval_app.core.configs_study import StudyConfig
from eval_app.models import Study
from eval_app.services.studies import conclude
from tests import factories
from training_app.core.configs import TINY, TrainConfig
from training_app.models import Checkpoint, MetricRow, TrainingRun
from training_app.services.recorder import Buffer

ARMS = ({"name": "shuffled", "policy": {"key": "shuffle"}}, {"name": "easy-to-hard", "policy": {"key": "easy_to_hard"}})
SEEDS = (1, 2, 3)
STEPS = (1, 2, 4, 8)
ENVIRONMENT = {"host": "desk", "python": "3.11.9", "torch": "2.13.0"}
_numbers = itertools.count(1)


@transaction.atomic
def make_study(
    actor: Actor,
    *,
    arms: Sequence[Mapping[str, Any]] = ARMS,
    seeds: Sequence[int] = SEEDS,
    gains: Mapping[str, float] | None = None,
    schedule: Schedule | None = None,
    name: str = "Does the order help?",
    parent: Job | None = None,
    **differing: Any,
) -> Study:
    """A study whose arms need `gains[arm]` fewer bits per byte, on average. `differing`: of `_run`, for single runs."""
    schedule = schedule or factories.make_schedule(actor)
    sequences = schedule.sequence_set
    config = StudyConfig(
        name=name, sequences=sequences.uid, arms=list(arms), seeds=list(seeds), baseline=arms[0]["name"]
    )
    job = _job(actor, "study", name, config.as_json(), composite=True, parent=parent, slot="study" if parent else "")
    study = Study.objects.create(
        project=actor.project, job=job, sequence_set=sequences, name=name, primary_outcome=config.primary_outcome.metric
    )
    finished = {}
    for seed in seeds:
        for arm in config.arms:
            gain = (gains or {"easy-to-hard": 0.05}).get(arm.name, 0.0)
            run = _run(actor, job, schedule, arm.name, seed, gain, **differing.get(f"{arm.name}/{seed}", {}))
            finished[run.job.slot] = Finished({"run": run.uid}, run.summary)
    conclude(job, finished)
    return Study.objects.select_related("job", "sequence_set", "project").get(pk=study.pk)


def _job(actor: Actor, kind: str, name: str, config: dict[str, Any], **more: Any) -> Job:
    return Job.objects.create(
        project=actor.project, kind=kind, name=name, config=config, fingerprint="0" * 64, attempt=1,
        state=State.SUCCEEDED, finished_at=timezone.now(), created_by=actor.user, **more,
    )  # fmt: skip


def _run(
    actor: Actor,
    parent: Job,
    schedule: Schedule,
    arm: str,
    seed: int,
    gain: float,
    *,
    nudge: Mapping[int, float] | None = None,
    weights: str = "",
    environment: Mapping[str, str] = ENVIRONMENT,
) -> TrainingRun:
    """`nudge`: step → what is added to the values logged there."""
    config = TrainConfig(name=f"{arm} · seed {seed}", schedule=schedule.uid, seed=seed, group=arm, model=TINY)
    job = _job(actor, "train", config.name, config.as_json(), parent=parent, slot=f"train/{arm}/{seed}")
    unigram = schedule.sequence_set.manifest["unigram_bits_per_byte"]
    scores = {domain: value - 1 + 0.01 * seed - gain * (1 + 0.1 * seed) for domain, value in unigram.items()}
    buffer = Buffer()
    for step in STEPS:
        values = {"loss": 5.0 / step, "held_out/macro": _macro(scores) + 1 / step - 1 / STEPS[-1]}
        extra = (nudge or {}).get(step, 0.0)
        buffer.add(step, step * 400, 1_700_000_000.0 + step, {key: value + extra for key, value in values.items()})
    run = TrainingRun.objects.create(
        project=actor.project, job=job, schedule=schedule, name=config.name, group=arm, seed=seed, parameters=43_168,
        steps=STEPS[-1], step=STEPS[-1], tokens=3200, budget_tokens=3200,
        latest={"held_out/macro": _macro(scores), "loss": 5.0 / STEPS[-1]},
        planned_digest=schedule.order_digest, delivered_digest=schedule.order_digest,
        summary={
            "held_out": scores, "held_out_macro": _macro(scores), "parameters": 43_168, "device": "cpu", "threads": 1,
            "processes": 1, "seconds": 2.5, "tokens_per_second": 1280.0, "planned_digest": schedule.order_digest,
            "delivered_digest": schedule.order_digest, "multiset_digest": schedule.pool_digest,
            "environment": dict(environment),
        },
    )  # fmt: skip
    MetricRow.objects.create(
        run=run, attempt=1, seq=1, first_step=STEPS[0], last_step=STEPS[-1], points=buffer.points()
    )
    _checkpoint(actor, run, weights or f"{arm}{seed}".encode().hex().ljust(64, "0")[:64])
    return run


def _macro(scores: Mapping[str, float]) -> float:
    return math.fsum(scores.values()) / len(scores)


def _checkpoint(actor: Actor, run: TrainingRun, weights: str) -> None:
    number = next(_numbers)
    checkpoint = Checkpoint.objects.create(
        project=actor.project, run=run, name=run.name, version=number, digest=f"{number:064x}", step=run.step,
        manifest={"files": {"model.safetensors": {"bytes": 1, "sha256": weights}}},
    )  # fmt: skip
    Job.objects.filter(pk=run.job_id).update(artifacts={"run": run.uid, "checkpoint": checkpoint.uid})
