"""Previews before an import: started here, read by a worker, adopted as a sample in the job's summary."""

from __future__ import annotations

from django.core.files.uploadedfile import UploadedFile
from django.urls import reverse

from chimera.jobs import services as jobs
from chimera.jobs.kinds import Adopted
from chimera.jobs.models import Job
from chimera.projects.access import Actor
from chimera.uploads import upload_store
from curriculum_app.core.readers.preview import Sample

PRIORITY = 10  # somebody is waiting before the page


def preview_start(actor: Actor, upload: UploadedFile[bytes] | None, path: str, kind: str, key: str) -> Job:
    """Store the upload, if there is one, and let a worker look at it, or else at `path`.

    The web process itself opens no file that a user names: an import could read it as well, but with its own rights.

    Raises:
        PermissionDenied: the actor is no editor.
        InputError: the path or the format is wrong.
    """
    where = str(upload_store(actor, upload)) if upload is not None else path
    job, _ = jobs.start(actor, "preview", {"path": where, "format": kind}, key=key, priority=PRIORITY)
    return job


def adopt_preview(job: Job, result: Sample) -> Adopted:
    """As ASCII JSON in a string: PostgreSQL's JSON can hold neither NUL nor half a surrogate pair."""
    return Adopted({}, {"sample": result.to_text(), "records": len(result.records)})


def page(job: Job) -> str:
    """Where the mapping is chosen."""
    return reverse("import-preview", args=[job.pk])
