"""The plan of a chain of phases: which schedules and runs exist by now, given what has finished (pure)."""

from __future__ import annotations

from collections.abc import Mapping

from chimera.errors import InputError, Problem
from chimera.jobs.kinds import Child, Finished
from chimera.refs import Ref
from curriculum_app.core.configs_order import ScheduleConfig
from curriculum_app.core.schedule import Schedule
from training_app.core.checkpoint import Checkpoint
from training_app.core.configs import TrainConfig
from training_app.core.configs_phases import PhasesConfig, TrainingPhaseConfig


def plan(config: PhasesConfig, finished: Mapping[str, Finished]) -> list[Child]:
    """Every child that may exist: all schedules at once, so that a bad one is said early, and run after run.

    Raises:
        InputError: a phase has finished and its gate is not passed; names the phase, the number and the bound.
    """
    children = [Child(schedule_slot(phase), "schedule", schedule_of(config, phase)) for phase in config.phases]
    base = config.base
    for number, phase in enumerate(config.phases):
        if schedule_slot(phase) not in finished:
            break
        schedule = Ref[Schedule](finished[schedule_slot(phase)].artifacts["schedule"])
        children.append(Child(train_slot(phase), "train", _train(config, phase, schedule, base)))
        if train_slot(phase) not in finished:
            break
        ended = finished[train_slot(phase)]
        _require_passed(phase, number, ended)
        base = Ref[Checkpoint](ended.artifacts["checkpoint"])
    return children


def schedule_slot(phase: TrainingPhaseConfig) -> str:
    """The child that orders a phase."""
    return f"schedule/{phase.name}"


def train_slot(phase: TrainingPhaseConfig) -> str:
    """The child that trains a phase."""
    return f"train/{phase.name}"


def schedule_of(config: PhasesConfig, phase: TrainingPhaseConfig) -> ScheduleConfig:
    """The schedule of a phase."""
    return ScheduleConfig(
        name=f"{config.name[:50]} · {phase.name}",
        sequences=phase.sequences,
        policy=phase.policy,
        budget_tokens=phase.budget_tokens,
        pool_seed=phase.pool_seed,
        seed=config.seed,
    )


def _train(
    config: PhasesConfig, phase: TrainingPhaseConfig, schedule: Ref[Schedule], base: Ref[Checkpoint] | None
) -> TrainConfig:
    own = {
        "objective": config.objective_of(phase).as_json(),
        "learning_rate": config.learning_rate_of(phase).as_json(),
    }
    return TrainConfig(
        **config.train.as_json() | own,
        name=f"{config.name} · {phase.name}",
        group=config.name,
        schedule=schedule,
        seed=config.seed,
        base=base,
    )


def _require_passed(phase: TrainingPhaseConfig, number: int, ended: Finished) -> None:
    failed = phase.gate.failed(ended.summary) if phase.gate else ""
    if failed:
        hint = f"{ended.artifacts['checkpoint']} was kept: begin another chain with it as the base, or another gate"
        raise InputError(Problem(f"the gate of phase {phase.name!r}: {failed}", f"phases.{number}.gate", hint=hint))
