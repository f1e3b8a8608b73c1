"""Import of finished runs: started from an upload or a path; their rows come all in one transaction, or none."""

from __future__ import annotations

from urllib.parse import urlencode

from django.core.files.uploadedfile import UploadedFile
from django.urls import reverse

from chimera.jobs import composites, creation, leasing
from chimera.jobs import services as jobs
from chimera.jobs.kinds import Adopted, get_kind
from chimera.jobs.models import Job, State
from chimera.projects.access import Actor
from chimera.uploads import upload_store
from training_app.core.configs_external import ExternalRunConfig
from training_app.core.imported_runs import ImportedRun, load
from training_app.core.jobs.import_run import ImportRunResult
from training_app.models import TrainingRun
from training_app.services.recorder import RunRecorder

_COMPARED = 10


def import_start(
    actor: Actor, upload: UploadedFile[bytes] | None, path: str, reader: dict[str, str], group: str, key: str
) -> Job:
    """Store the upload, if there is one, and let a worker import it, or else `path`.

    Raises:
        PermissionDenied: the actor is no editor.
        InputError: the path, the reader or the group is wrong.
    """
    where = str(upload_store(actor, upload)) if upload is not None else path
    job, _ = jobs.start(actor, "import-run", {"path": where, "reader": reader, "group": group}, key=key)
    return job


def adopt_import(job: Job, result: ImportRunResult) -> Adopted:
    """A run for each that was read; one whose content is here already is that one."""
    made: dict[str, str] = {}
    new = 0
    for item in result.runs:
        key = f"import-{item.digest[:56]}"
        known = TrainingRun.objects.filter(project=job.project, job__idempotency_key=key).first()
        run = known or _write(job, item, result.group, key)
        new += known is None
        made[_unused(item.name if len(result.runs) > 1 else "run", made)] = run.uid
    points = sum(item.num_points for item in result.runs)
    return Adopted(made, {"runs": len(result.runs), "new": new, "points": points, "notes": result.notes})


def _unused(name: str, taken: dict[str, str]) -> str:
    """`name`, with a number behind it if another run of the import has it."""
    number, chosen = 2, name
    while chosen in taken:
        chosen, number = f"{name} ({number})", number + 1
    return chosen


def _write(job: Job, item: ImportedRun, group: str, key: str) -> TrainingRun:
    config = ExternalRunConfig(name=item.name, group=group, seed=item.seed, source=item.source, settings=item.settings)
    own = creation.insert(job.project, get_kind("external-run"), config, user_id=job.created_by_id, key=key)
    claimed = leasing.claim_job(own.pk, f"import by {job.uid}")
    assert claimed is not None, "nobody else sees its row yet"
    _, lease = claimed
    run = TrainingRun.objects.get(job=own)
    recorder = RunRecorder(run, lease)
    for step, tokens, at, values in load(item.file).rows():
        recorder.write(step, tokens, values, at=at)
    recorder.flush()
    run.refresh_from_db()
    facts = {"steps": run.step, "tokens": run.tokens}
    TrainingRun.objects.filter(pk=run.pk).update(summary=facts, steps=run.step)
    composites.succeed(own, Adopted({"run": run.uid}, facts), lease=lease.token)
    return run


def page(job: Job) -> str:
    """The run, or those of the import side by side; the job's own page before it has ended."""
    numbers = [uid.removeprefix("run-") for uid in job.artifacts.values()][:_COMPARED]
    if job.state != State.SUCCEEDED or not numbers:
        return ""
    if len(numbers) == 1:
        return reverse("run-detail", args=[int(numbers[0])])
    return f"{reverse('runs-compare')}?{urlencode([('run', number) for number in numbers])}"
