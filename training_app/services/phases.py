"""A chain of phases at its start and its end: what it would be refused for, what it has made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chimera.errors import InputError, Problem
from chimera.jobs import refs
from chimera.jobs.kinds import Adopted, Finished
from chimera.jobs.models import Job
from chimera.projects.models import Project
from chimera.refs import Ref
from curriculum_app.core.sequences import SequenceTable
from curriculum_app.services.schedule_check import check_schedule
from training_app.core.checkpoint import Checkpoint
from training_app.core.configs_phases import PhasesConfig
from training_app.core.phases import schedule_of, train_slot
from training_app.core.phases_fit import misfits

REPORTED = ("tokens", "last_loss", "held_out_macro")


def check(config: PhasesConfig, project: Project) -> None:
    """What a schedule or a run of any phase would be refused for.

    Raises:
        InputError: fields begin `phases.<number>`.
    """
    tables = [_opened(SequenceTable, project, phase.sequences) for phase in config.phases]
    base = _opened(Checkpoint, project, config.base) if config.base is not None else None
    problems = list(misfits(config, tables, base))
    for number, phase in enumerate(config.phases):
        try:
            check_schedule(schedule_of(config, phase), project)
        except InputError as error:
            problems += [_of_phase(problem, number) for problem in error.problems]
    if problems:
        raise InputError(problems)


def _opened(kind: type[Any], project: Project, ref: Ref[Any]) -> Any:
    row = refs.find(project, ref)
    return refs.opened(kind, row) if row is not None else None


def _of_phase(problem: Problem, number: int) -> Problem:
    return replace(problem, field=f"phases.{number}.{problem.field}".rstrip("."))


def conclude(job: Job, finished: Mapping[str, Finished]) -> Adopted:
    """The checkpoint of every phase by its name, the last one as `checkpoint`, and what each run says of itself."""
    config = PhasesConfig.model_validate(job.config)
    ended = {phase.name: finished[train_slot(phase)] for phase in config.phases}
    made = {name: run.artifacts["checkpoint"] for name, run in ended.items()}
    rows = [{"name": name, **{key: run.summary[key] for key in REPORTED}} for name, run in ended.items()]
    return Adopted({**made, "checkpoint": list(made.values())[-1]}, {"phases": rows})
