"""Averages of checkpoints: which ones a run means, and the row of the result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chimera.errors import InputError, Problem
from chimera.jobs.adoption import adopt_artefact
from chimera.jobs.kinds import Adopted
from chimera.jobs.models import Job
from chimera.projects.models import Project
from chimera.typed import whole
from training_app.core.jobs.average import AverageResult
from training_app.models import Checkpoint, TrainingRun
from training_app.selectors.checkpoints import LAST, last_kept


def complete(raw: Mapping[str, Any], project: Project) -> dict[str, Any]:
    """`raw` with the last checkpoints of its run in the run's place; what is wrong in other ways stays as it is.

    Raises:
        InputError: there is no such run, or it has kept fewer.
    """
    run, last = raw.get("run"), whole(raw.get("last", LAST))
    number = whole(run.removeprefix("run-")) if isinstance(run, str) and run.startswith("run-") else None
    if number is None or raw.get("checkpoints") or last is None or last < 2:
        return dict(raw)
    found = TrainingRun.objects.filter(project=project, pk=number).first()
    if found is None:
        raise InputError(Problem(f"{run} does not exist in project {project.slug}", "run", hint="see the runs table"))
    kept = last_kept(found, last)
    if len(kept) < last:
        hint = "ask for fewer, or train again with keep_every_steps" if kept else "train with keep_every_steps"
        raise InputError(Problem(f"{run} has kept {len(kept)} checkpoints, not {last}", "last", hint=hint))
    return {**raw, "run": None, "checkpoints": [row.uid for row in kept]}


def adopt_average(job: Job, result: AverageResult) -> Adopted:
    """A checkpoint without a run; its manifest names its sources."""
    facts = result.stored.manifest
    row = adopt_artefact(
        Checkpoint, job, result.stored, str(job.config["name"]),
        licence=result.licence[:60], step=facts["step"] or 0, tokens=facts["tokens"] or 0,
    )  # fmt: skip
    scores = {key: facts["summary"].get(key) for key in ("held_out_macro", "held_out")}
    return Adopted({"checkpoint": row.uid}, {"weights": facts["average"]["weights"], **scores})
