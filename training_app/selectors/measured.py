"""What a finished run really needed, beside what was predicted for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from training_app.core import footprint
from training_app.core.configs import TrainConfig
from training_app.core.footprint import Memory, Setting
from training_app.core.model_shape import ModelShape
from training_app.models import Checkpoint, TrainingRun, WorkerSpeed
from training_app.selectors.machines import rates_of

MEMORY, MIB = "memory/peak", 2**20  # the memory probe writes MiB


@dataclass(frozen=True)
class Measured:
    """Of the run that made a checkpoint, `memory` in bytes; None where it was not measured."""

    memory: float | None
    rate: float | None
    step_seconds: float | None
    device: str


@dataclass(frozen=True)
class Estimate:
    """The formulas' view of a run; `seconds` needs a measured worker."""

    memory: Memory
    seconds: float | None
    speed: WorkerSpeed | None


def measured_of(row: Checkpoint) -> Measured | None:
    """Peak memory, tokens a second and seconds a step of its run; None without a run or before it has run."""
    run = row.run
    if run is None or not run.latest:
        return None
    rate = _number(run.latest.get("tokens_per_second"))
    per_step = run.tokens / run.step if run.step else None
    seconds = per_step / rate if rate and per_step else None
    peak = _number(run.latest.get(MEMORY))
    memory = None if peak is None else peak * MIB
    return Measured(memory, rate, seconds, str(run.summary.get("device", "")))


def setting_of_run(run: TrainingRun) -> Setting | None:
    """How the run took its steps, None for a run of another trainer."""
    try:
        config = TrainConfig.model_validate(run.job.config)
    except ValidationError:
        return None
    lora = config.adapter.key == "lora"
    at_once = min(config.micro_batch_sequences or config.batch_sequences, config.batch_sequences)
    rows = run.step * config.batch_sequences
    return Setting(
        method="lora" if lora else "full",
        length=max(1, round(run.tokens / rows)) if rows else 1,
        sequences=at_once,
        parts=-(-config.batch_sequences // at_once),
        rank=getattr(config.adapter.settings(), "rank", 8),
        precision=config.precision,
        checkpointing=config.gradient_checkpointing,
        device="cuda" if str(run.summary.get("device", "")).startswith("cuda") else "cpu",
    )


def estimate_of(row: Checkpoint, shape: ModelShape | None) -> Estimate | None:
    """What the formulas say of the run that made `row`; None where sizes or settings are unknown."""
    setting = setting_of_run(row.run) if row.run is not None and row.run.step else None
    if shape is None or setting is None or row.run is None:
        return None
    speed = _speed_of(row.run, setting)
    seconds = footprint.step_seconds(shape, setting, rates_of(speed, setting.precision)) if speed is not None else None
    return Estimate(footprint.memory(shape, setting), seconds, speed)


def _speed_of(run: TrainingRun, setting: Setting) -> WorkerSpeed | None:
    """The measured device the run was on: its worker's host if it is known, the right number of threads first."""
    host = run.job.worker.partition("@")[2]
    threads = int(run.job.config.get("threads", 1))
    found = list(WorkerSpeed.objects.filter(device=setting.device))
    return min(found, key=lambda speed: (speed.host != host, abs(speed.threads - threads)), default=None)


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
