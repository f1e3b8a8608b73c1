"""Runs with a real recorder over rows of a `train` job. The points are made up; the way they take is the product's."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np

from chimera.jobs.leasing import Lease
from chimera.jobs.models import Job, State
from chimera.projects.access import Actor
from chimera.projects.models import Project
from training_app.core.configs import TINY, TrainConfig
from training_app.models import TrainingRun
from training_app.services.recorder import RunRecorder

_numbers = itertools.count(1)
DOMAINS = ("code", "literature", "prose", "reference")


class Clock:
    """A clock that a test turns by hand."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def tick(self, seconds: float) -> None:
        self.now += seconds


def make_run(
    actor: Actor | Project,
    name: str = "",
    *,
    state: str = State.RUNNING,
    steps: int = 600,
    seed: int = 0,
    group: str = "",
) -> TrainingRun:
    """A run and its job without a schedule; `running` ones have a lease."""
    project = actor.project if isinstance(actor, Actor) else actor
    name = name or f"run {next(_numbers)}"
    config = TrainConfig(name=name, schedule="schedule-1", seed=seed, group=group, model=TINY)
    job = Job.objects.create(
        project=project, kind="train", name=name, config=config.as_json(), fingerprint=config.fingerprint(),
        state=state, attempt=1, lease_owner="token-1" if state == State.RUNNING else "",
    )  # fmt: skip
    return TrainingRun.objects.create(
        project=project, job=job, name=name, seed=seed, group=group, steps=steps, budget_tokens=steps * 1000
    )


def recorder_of(run: TrainingRun, clock: Clock | None = None) -> RunRecorder:
    """The recorder of the worker that owns the run's job now."""
    job = Job.objects.get(pk=run.job_id)
    return RunRecorder(run, Lease(job.pk, job.lease_owner, job.attempt), clock or Clock())


def next_attempt(run: TrainingRun) -> None:
    """The job was taken over: new token, next attempt."""
    job = Job.objects.get(pk=run.job_id)
    Job.objects.filter(pk=job.pk).update(
        attempt=job.attempt + 1, lease_owner=f"token-{job.attempt + 1}", state=State.RUNNING
    )


def made_up_values(step: int, steps: int, seed: int = 0) -> dict[str, float]:
    """Values with the keys and the rough shape of a real run's."""
    rng = np.random.default_rng([seed, step])
    done = step / steps
    values = {
        "loss": 2.2 + 5.2 * math.exp(-6 * done) + rng.normal(0, 0.12),
        "grad_norm": 0.7 + 0.4 * math.exp(-5 * done) + abs(rng.normal(0, 0.08)) + (2.0 if step == 231 else 0.0),
        "learning_rate": 0.003 * min(1.0, step / 40) * 0.5 * (1 + math.cos(math.pi * done)),
        "tokens_per_second": 13_000 + rng.normal(0, 400),
    }
    for place, level in enumerate("1234"):
        planned = 0.25 + (0.2 - 0.13 * place) * (1 - done)
        values[f"mixture/planned/{level}"] = planned
        values[f"mixture/delivered/{level}"] = planned + rng.normal(0, 0.003)
    for domain in DOMAINS:
        values[f"mixture/delivered/domain/{domain}"] = 0.25
    if step % 10 == 0:
        values["token_entropy"] = values["loss"] * 0.97 + rng.normal(0, 0.05)
    if step % 32 == 0 or step == 1:
        values["stable_rank/min"] = 2.2 + done + rng.normal(0, 0.1)
        values["stable_rank/mean"] = 5 + 2.5 * done + rng.normal(0, 0.15)
        values["attention_entropy"] = 3.1 - 0.6 * done
    if step % 64 == 0 or step == steps:
        scores = {domain: 1.7 + 0.25 * i + 1.8 * math.exp(-5 * done) for i, domain in enumerate(DOMAINS)}
        values |= {f"held_out/{domain}": score for domain, score in scores.items()}
        values["held_out/macro"] = sum(scores.values()) / len(scores)
    return values


def feed(recorder: RunRecorder, clock: Clock, first: int, last: int, steps: int, seed: int = 0) -> None:
    """Steps `first` to `last`, 1,000 tokens and 0.09 s each."""
    for step in range(first, last + 1):
        clock.tick(0.09)
        recorder.write(step, step * 1000, made_up_values(step, steps, seed))


def checkpoint_directory(root: Path, step: int) -> Path:
    path = root / f"step-{step:09d}"
    path.mkdir(parents=True, exist_ok=True)
    return path
