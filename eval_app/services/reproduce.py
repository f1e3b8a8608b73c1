"""Reproductions of studies: started from the frozen description, concluded by comparing everything that was kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.urls import reverse

from chimera.errors import InputError, Problem
from chimera.jobs import services as jobs
from chimera.jobs.kinds import Adopted, Finished
from chimera.jobs.models import Job
from chimera.projects.access import Actor
from chimera.projects.models import Project
from chimera.refs import Ref
from eval_app.core.configs_reproduce import ReproduceConfig
from eval_app.core.reproduce import SLOT
from eval_app.core.reproduction import compare
from eval_app.models import Reproduction, Study
from eval_app.selectors.edited_runs import as_it_went
from eval_app.selectors.traces import traces


def reproduce(actor: Actor, study: Study, key: str = "") -> Job:
    """Run a study again.

    Raises:
        PermissionDenied: the actor is no editor.
        InputError: the study has no verdict yet, or what its description names is gone.
    """
    job, _ = jobs.start(actor, "reproduce", {"study": study.uid}, key=key)
    return job


def complete(raw: dict[str, Any], project: Project) -> dict[str, Any]:
    """The config with the frozen description of its study, whatever it brought along.

    Raises:
        InputError: the project has no such study, or it has no verdict to compare with.
    """
    number = str(raw.get("study", "")).removeprefix("study-")
    known = number.isdecimal() and len(number) <= 18
    study = Study.objects.filter(project=project, pk=int(number)).select_related("job").first() if known else None
    if study is None:
        hint = "the page of studies lists them, such as study-1"
        raise InputError(Problem(f"{raw.get('study', '')!r} is no study of this project", field="study", hint=hint))
    if study.verdict is None:
        hint = "wait until its runs have ended"
        raise InputError(Problem(f"{study.uid} has no verdict to compare with", field="study", hint=hint))
    return {**raw, "frozen": as_it_went(study)}


def created(job: Job) -> None:
    """The row that says what is repeated, before anything runs."""
    Reproduction.objects.create(job=job, original_id=ReproduceConfig.model_validate(job.config).number)


def page(job: Job) -> str:
    """The new study."""
    study = Study.objects.filter(job__parent=job).first() or job.reproduction.original
    return reverse("study-detail", args=[study.pk])


def conclude(job: Job, finished: Mapping[str, Finished]) -> Adopted:
    """Compare the runs of the two studies and keep what was found."""
    row = Reproduction.objects.select_for_update().select_related("original__job").get(job=job)
    uid = finished[SLOT].artifacts["study"]
    study = Study.objects.select_related("job").get(project=job.project, pk=Ref[Any](uid).number)
    before, after = traces(row.original), traces(study)
    again = {trace.name: trace for trace in after}
    pairs = [(trace, again.get(trace.name)) for trace in before]
    result = compare(pairs, same_verdict=row.original.verdict == study.verdict)
    row.result = result.as_json()
    row.save(update_fields=["result"])
    return Adopted({"study": uid}, {"word": result.word, "sentence": result.sentence, "original": row.original.uid})
