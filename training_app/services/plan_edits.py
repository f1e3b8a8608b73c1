"""Edits of a run's plan: from which row on one may be made, the row that asks for it, and the run's answer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from chimera.context import Amendment
from chimera.errors import InputError, Problem
from chimera.jobs.kinds import Adopted
from chimera.jobs.models import Job, State
from chimera.projects.models import Project
from chimera.typed import whole
from curriculum_app.models import Schedule
from curriculum_app.services.adopt import schedule_row
from training_app.core.configs import TrainConfig
from training_app.core.configs_edit_plan import EditPlanConfig
from training_app.core.jobs.edit_plan import EditedPlan
from training_app.models import PlanEdit, RunEvent, TrainingRun
from training_app.selectors.plan_edits import OPEN, require_editable

NOTICE_SECONDS = 20.0  # planning, and the run's next look for edits, take less
NOTICE_STEPS = 10


def complete(raw: Mapping[str, Any], project: Project) -> dict[str, Any]:
    """`raw` with the run's schedule and the row from which on it can still be changed.

    Raises:
        InputError: there is no such run, it cannot be edited, or the step has passed.
    """
    name, step = raw.get("run"), whole(raw.get("from_step", 0))
    number = whole(str(name).removeprefix("run-"))
    if raw.get("schedule") or step is None or number is None:
        return dict(raw)
    run = TrainingRun.objects.filter(project=project, pk=number).select_related("job", "schedule").first()
    if run is None:
        raise InputError(Problem(f"{name} does not exist in project {project.slug}", "run", hint="see the runs table"))
    config = require_editable(run)
    first = step or earliest_step(run, config)
    _require_ahead(run, first)
    assert run.schedule is not None
    row = config.first_row + (first - 1) * config.batch_sequences
    return {**raw, "from_step": first, "schedule": run.schedule.uid, "first_row": row}


def earliest_step(run: TrainingRun, config: TrainConfig) -> int:
    """The first step that an edit made now can reach: of a run that stands still the next one."""
    if run.job.state != State.RUNNING:
        return run.step + 1
    steps = run.step / run.tokens * (run.pace or 0.0) * NOTICE_SECONDS if run.tokens else 0.0
    return run.step + 1 + max(NOTICE_STEPS, math.ceil(steps))


def _require_ahead(run: TrainingRun, step: int) -> None:
    if step <= run.step:
        message = f"step {step:,} is past: {run.uid} stands at {run.step:,}"
        raise InputError(Problem(message, "from_step", hint="0 takes the first that can still be changed"))
    if run.steps is not None and step > run.steps:
        message = f"{run.uid} has {run.steps:,} steps and stands at {run.step:,}: step {step:,} is beyond its end"
        raise InputError(Problem(message, "from_step", hint="pause the run first, then edit"))


def adopt_edit_plan(job: Job, result: EditedPlan) -> Adopted:
    """The edited schedule with its curriculum, and the row that asks the run to follow it."""
    config = EditPlanConfig.model_validate(job.config)
    assert config.schedule is not None
    before = Schedule.objects.get(pk=config.schedule.number)
    row = schedule_row(job, result.stored, config, before.sequence_set_id)
    run = TrainingRun.objects.get(project=job.project, pk=int(config.run.removeprefix("run-")))
    edit = PlanEdit.objects.create(run=run, schedule=row, before=before, job=job, first_row=config.first_row)
    if run.job.state not in OPEN:
        PlanEdit.objects.filter(pk=edit.pk).update(state=PlanEdit.State.REFUSED, answer="the run had ended by then")
    return Adopted({"schedule": row.uid}, {"run": run.uid, "from_step": config.from_step})


def edits_of(run_id: int) -> list[Amendment]:
    """What has been asked of a run, oldest first."""
    found = PlanEdit.objects.filter(run=run_id).select_related("schedule").order_by("pk")
    return [Amendment(edit.pk, edit.schedule.stored(), edit.first_row) for edit in found]


def answer(run_id: int, attempt: int, amendment: Amendment, refusal: str, step: int) -> None:
    """Note what the run has answered, draw it on its charts, and show its pages the plan it follows now."""
    edit = PlanEdit.objects.select_related("schedule__curriculum").get(pk=amendment.number)
    made = not refusal
    edit.state = PlanEdit.State.MADE if made else PlanEdit.State.REFUSED
    edit.answer, edit.step = refusal[:300], step
    edit.save(update_fields=["state", "answer", "step"])
    if made:
        TrainingRun.objects.filter(pk=run_id).update(schedule=edit.schedule)
    plan = f"{edit.schedule.curriculum.label} from row {edit.first_row:,} on"
    message = f"plan edited: {plan}" if made else f"edit of the plan refused ({plan}): {refusal}"
    kind = "plan_edited" if made else "plan_edit_refused"
    said = {"run_id": run_id, "step": step, "kind": kind, "message": message[:500]}
    RunEvent.objects.get_or_create(**said, defaults={"attempt": attempt})  # a kill before the save: it answers again
