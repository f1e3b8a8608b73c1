"""What training on a planned order would cost on each known worker, for the dry run of the app below."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chimera.projects.access import Actor
from curriculum_app.selectors.dry_runs import DryRun
from training_app.core.configs import TrainSettings
from training_app.core.configs_portfolio import PredictConfig
from training_app.core.footprint import Setting, memory, step_seconds
from training_app.models import TrainingRun, WorkerSpeed
from training_app.selectors.machines import all_speeds, machines, rates_of
from training_app.selectors.portfolio import ModelRow, models_reading

MODELS = 3  # checkpoints beside the new model


@dataclass(frozen=True)
class Cost:
    """Full training of one model on one worker: bytes at the highest point of a step, seconds of a step and of all."""

    bytes: float
    fits: bool
    step: float
    seconds: float


@dataclass(frozen=True)
class Line:
    """A worker with what each model costs on it; `costs` has None where the sizes are unknown."""

    speed: WorkerSpeed
    costs: list[Cost | None]


@dataclass(frozen=True)
class Known:
    """A finished run of the same sequences, and the seconds that its speed makes of these tokens."""

    run: TrainingRun
    rate: float
    seconds: float


def cost_on_workers(actor: Actor, found: DryRun) -> dict[str, Any]:
    """Predicted memory and time on every measured worker, and what runs on these sequences have measured."""
    if found.report is None:
        return {}
    setting = _setting(int(found.sequences.manifest.get("sequence_length", 0)) or 256)
    models = models_reading(actor, found.sequences, MODELS)
    lines = [Line(speed, [_cost(model, speed, setting, found.tokens) for model in models]) for speed in all_speeds()]
    measured = {speed.host for speed in all_speeds()}
    return {
        "lines": lines,
        "models": models,
        "setting": setting,
        "tokens": found.tokens,
        "unmeasured": [each for machine in machines() for each in machine.workers if each.host not in measured],
        "known": _known(actor, found),
    }


def _setting(length: int) -> PredictConfig:
    """A step as the form of a run begins with it."""
    return PredictConfig(length=length, sequences=TrainSettings().batch_sequences)


def _cost(model: ModelRow, speed: WorkerSpeed, config: PredictConfig, tokens: int) -> Cost | None:
    if model.shape is None:
        return None
    setting: Setting = config.setting("full", speed.device)
    needed = memory(model.shape, setting)
    step = step_seconds(model.shape, setting, rates_of(speed, config.precision))
    steps = -(-tokens // setting.tokens)
    return Cost(needed.total, needed.fits(speed.memory_bytes), step, steps * step)


def _known(actor: Actor, found: DryRun) -> list[Known]:
    """The newest runs on the same sequences that tell their speed."""
    runs = TrainingRun.objects.filter(project=actor.project, schedule__sequence_set=found.sequences)
    rates = [(run, _rate(run)) for run in runs.select_related("job").order_by("-pk")[:20]]
    return [Known(run, rate, found.tokens / rate) for run, rate in rates if rate][:4]


def _rate(run: TrainingRun) -> float:
    try:
        return float((run.latest or {}).get("tokens_per_second") or 0.0)
    except (TypeError, ValueError):
        return 0.0
