"""From a sealed artefact to its row: one row per content, one version number per name."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import Max

from chimera.artefacts import Stored
from chimera.jobs.models import Artefact, Job
from chimera.projects.models import Project

A = TypeVar("A", bound=Artefact)


def adopt_artefact(model: type[A], job: Job, stored: Stored, name: str, **fields: Any) -> A:
    """The row of `stored` in the job's project; created as the next version of `name` if the content is new.

    Call inside the transaction that ends the job. The project row is locked so that two jobs cannot take one version.
    """
    assert stored.kind == model.ref_kind, f"a {stored.kind} is no {model.ref_kind}"
    project = Project.objects.select_for_update().get(pk=job.project_id)
    existing = model._default_manager.filter(project=project, digest=stored.digest).first()
    if existing is not None:
        return existing
    latest = model._default_manager.filter(project=project, name=name).aggregate(latest=Max("version"))["latest"]
    return model._default_manager.create(
        project=project,
        job=job,
        name=name,
        version=(latest or 0) + 1,
        digest=stored.digest,
        bytes=stored.bytes,
        manifest={key: value for key, value in stored.manifest.items() if key != "digest"},
        **fields,
    )
