"""What the probes of a run log and what they have cost so far."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chimera.projects.access import Actor
from training_app.core.probes.base import PROBES
from training_app.models import TrainingRun
from training_app.selectors.history import history

PREFIX = "probe_seconds/"
ENGINE_KEYS = (
    "loss", "held_out/*", "held_out/macro", "grad_norm", "learning_rate", "tokens_per_second",
    "mixture/delivered/*", "mixture/delivered/domain/*", "mixture/delivered/conditioning/*",
)  # fmt: skip


@dataclass(frozen=True)
class ProbeCost:
    """One probe: how often it measured, the mean seconds of one measurement, all of them, and their share of the
    run's training time (evaluations and resume points left out)."""

    title: str
    metric: str
    every: int | None
    count: int
    each: float
    seconds: float
    share: float | None

    @property
    def milliseconds(self) -> float:
        return 1000 * self.each


def probe_costs(actor: Actor, run: TrainingRun) -> list[ProbeCost]:
    """The dearest first; empty if the run logged no costs."""
    keys = sorted(key for key in run.latest if key.startswith(PREFIX))
    if not keys:
        return []
    found = history(actor, run, ["tokens_per_second", *keys]).series
    speed = found["tokens_per_second"]
    fed = np.diff(speed.tokens, prepend=0).astype(np.float64)
    fed[:1] = fed[1:2] if len(fed) > 1 else fed[:1]  # a fork's first point counts what its base was fed
    usable = speed.finite & (speed.value > 0)
    total = float((fed[usable] / speed.value[usable]).sum())
    cadence = {choice["key"]: choice.get("config", {}).get("every") for choice in run.job.config.get("probes", [])}
    costs = []
    for key in keys:
        values = found[key].value[found[key].finite]
        name, seconds = key.removeprefix(PREFIX), float(values.sum())
        each, share = seconds / max(len(values), 1), seconds / total if total > 0 else None
        costs.append(ProbeCost(_title(name), key, cadence.get(name), len(values), each, seconds, share))
    return sorted(costs, key=lambda cost: -cost.seconds)


def likely_keys(run: TrainingRun) -> list[str]:
    """What the run has logged; before its first point the families of the probes that it will ask."""
    if run.latest:
        return list(run.latest)
    return _asked(run)


def coming_keys(run: TrainingRun) -> list[str]:
    """What a run that is not over may still log for the first time; nothing of one that is."""
    if run.job.finished:
        return []
    return [*ENGINE_KEYS, *_asked(run)]


def _asked(run: TrainingRun) -> list[str]:
    """The families of the probes that its config chooses."""
    chosen = {choice["key"] for choice in run.job.config.get("probes", [])}
    return [metric.pattern for entry in PROBES if entry.key in chosen for metric in entry.cls.metrics]


def share_of_all(costs: list[ProbeCost]) -> float | None:
    """Of the run's training time, all probes together."""
    shares = [cost.share for cost in costs if cost.share is not None]
    return sum(shares) if shares else None


def _title(name: str) -> str:
    return next((entry.title for entry in PROBES if entry.key == name), name)
