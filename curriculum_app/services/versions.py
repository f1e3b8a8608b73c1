"""What is done with whole dataset versions by jobs: verify one, compare two; and where a browser sees the result."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from chimera.jobs import services as jobs
from chimera.jobs.kinds import Adopted
from chimera.jobs.models import Job
from chimera.projects.access import Actor
from chimera.projects.models import Role
from curriculum_app.core import dataset_version as core
from curriculum_app.core.configs_versions import CompareConfig, VerifyConfig
from curriculum_app.core.jobs.verify import VerifyResult
from curriculum_app.core.version_difference import KINDS, VersionDifference, make_difference
from curriculum_app.models import DatasetVersion
from curriculum_app.selectors import versions as selectors

DIRECTLY = 2000  # documents of both versions that are compared while the page waits


def adopt_verify(job: Job, result: VerifyResult) -> Adopted:
    found = result.verification
    return Adopted(summary={"files": found.files, "bytes": found.bytes, "damaged": list(found.damaged)})


def adopt_compare(job: Job, result: VersionDifference) -> Adopted:
    return Adopted(summary={kind: result.count(kind) for kind in KINDS})


def verified_page(job: Job) -> str:
    """The page of the version."""
    return reverse("dataset-detail", args=[VerifyConfig.model_validate(job.config).dataset.number])


def difference_page(job: Job) -> str:
    """The page of the difference."""
    config = CompareConfig.model_validate(job.config)
    return f"{reverse('dataset-difference', args=[config.before.number])}?other={config.after.number}"


def verify(actor: Actor, version: DatasetVersion) -> Job:
    """The job that verifies `version`: the one under way, else a new one."""
    actor.require(Role.EDITOR)
    return selectors.verifying(version) or _start(actor, "verify", {"dataset": version.uid})


def compare(actor: Actor, left: DatasetVersion, right: DatasetVersion) -> Job:
    """The job that compares two versions: the one under way, else a new one."""
    actor.require(Role.EDITOR)
    found = selectors.comparing(left, right)
    if found is not None and not found.finished:
        return found
    return _start(actor, "compare", {"before": left.uid, "after": right.uid})


def difference_make(actor: Actor, left: DatasetVersion, right: DatasetVersion) -> VersionDifference | None:
    """The difference, made on the spot if both are small; None if a job has to make it.

    Raises:
        FileNotFoundError: it is not made yet, and the files of one of them are not on this machine.
    """
    actor.require(Role.VIEWER)
    known = selectors.difference(left, right)
    if known is not None:
        return known
    before, after = (core.DatasetVersion.open(row.stored()) for row in (left, right))
    if left.documents + right.documents > DIRECTLY:
        return None
    return make_difference(selectors.store(), before, after)


def _start(actor: Actor, kind: str, config: dict[str, Any]) -> Job:
    job, _ = jobs.start(actor, kind, config)
    return job
