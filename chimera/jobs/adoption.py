"""From a sealed artefact to its row: one row per content, one version number per name."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import Max

from chimera.artefacts import MANIFEST, Stored
from chimera.jobs.models import Artefact, Job
from chimera.projects.models import Project

A = TypeVar("A", bound=Artefact)


class CollectedMeanwhile(OSError):
    """Sealed, and removed with a deleted row of the same content before it was adopted: passes when tried again."""


def adopt_artefact(model: type[A], job: Job, stored: Stored, name: str, **fields: Any) -> A:
    """The row of `stored` in the job's project; created as the next version of `name` if the content is new.

    Call inside the transaction that ends the job. The project row is locked so that two jobs cannot take one version,
    and so that no files are removed between the look at them and the row. A deleted row of the same content revives.

    Raises:
        CollectedMeanwhile: the same content was deleted just now. The job is to make it again.
    """
    assert stored.kind == model.ref_kind, f"a {stored.kind} is no {model.ref_kind}"
    project = Project.objects.select_for_update().get(pk=job.project_id)
    existing = model._default_manager.filter(project=project, digest=stored.digest).first()
    if not (stored.path / MANIFEST).is_file():
        raise CollectedMeanwhile(f"the files of {stored.kind} {stored.digest[:12]} were removed with a deleted version")
    if existing is not None:
        _revive(existing, job, stored)
        return existing
    latest = model._default_manager.filter(project=project, name=name).aggregate(latest=Max("version"))["latest"]
    return model._default_manager.create(
        project=project,
        job=job,
        name=name,
        version=(latest or 0) + 1,
        digest=stored.digest,
        bytes=stored.bytes,
        manifest=_manifest(stored),
        **fields,
    )


def _manifest(stored: Stored) -> dict[str, Any]:
    return {key: value for key, value in stored.manifest.items() if key != "digest"}


def _revive(row: Artefact, job: Job, stored: Stored) -> None:
    """The row of a deleted artefact that was made again: same id and number, the new files, the job that made them."""
    if row.deleted:
        row.job, row.bytes, row.manifest = job, stored.bytes, _manifest(stored)
        row.deleted_at, row.deleted_by = None, ""  # type: ignore[attr-defined]  # what `deleted` has seen
        row.save()
