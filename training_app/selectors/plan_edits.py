"""Edits of a run's plan, and whether another may be asked for."""

from __future__ import annotations

from chimera.errors import InputError, Problem
from chimera.jobs.models import State
from training_app.core.configs import TrainConfig
from training_app.models import PlanEdit, TrainingRun

OPEN = (State.QUEUED, State.RUNNING, State.PAUSED)


def plan_edits(run: TrainingRun) -> list[PlanEdit]:
    """Oldest first, with what they changed."""
    return list(run.plan_edits.select_related("schedule__curriculum", "before__curriculum").order_by("pk"))


def require_editable(run: TrainingRun) -> TrainConfig:
    """The config of a run whose plan can be edited.

    Raises:
        InputError: it has ended, decides during the run, or shares its steps between processes.
    """
    if run.schedule is None:
        raise InputError(Problem("another trainer makes this run: it has no plan here", "run"))
    if run.job.state not in OPEN:
        hint = "fork it from a checkpoint with another schedule"
        raise InputError(Problem(f"{run.uid} has ended, so nothing of its plan is left", "run", hint=hint))
    if run.schedule.manifest.get("adaptive"):
        raise InputError(Problem("what this run is shown is decided on the way: it has no plan to edit", "run"))
    config = TrainConfig.model_validate(run.job.config)
    if config.processes != 1:
        hint = "fork it from a checkpoint with another schedule"
        raise InputError(Problem("the plan of a run of several processes cannot be edited", "run", hint=hint))
    return config


def is_editable(run: TrainingRun) -> bool:
    """Whether `require_editable` has nothing against it."""
    try:
        require_editable(run)
    except InputError:
        return False
    return True
