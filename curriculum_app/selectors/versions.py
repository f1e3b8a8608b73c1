"""What is known about a dataset version as a whole: is it verified, what hangs on it, what keeps it from deletion."""

from __future__ import annotations

from django.conf import settings

from chimera.artefact_notes import Verification, last_verification
from chimera.artefacts import ArtefactStore
from chimera.errors import Problem
from chimera.jobs.models import FINISHED, Artefact, Job
from curriculum_app.core.mixture_draft import Fill
from curriculum_app.core.version_difference import VersionDifference, find_difference
from curriculum_app.models import (
    Classifier,
    Clustering,
    ColumnSet,
    DatasetTag,
    DatasetVersion,
    MixturePlan,
    RuleSample,
    SequenceSet,
)


def store() -> ArtefactStore:
    return ArtefactStore(settings.DATA_DIR / "artefacts")


def verification(version: DatasetVersion) -> Verification | None:
    """What the last verification of these files found, in whichever project it ran."""
    return last_verification(store(), version.ref_kind, version.digest)


def verifying(version: DatasetVersion) -> Job | None:
    """The job that verifies this version just now."""
    return _alive(version, "verify", config__dataset=version.uid)


def difference(left: DatasetVersion, right: DatasetVersion) -> VersionDifference | None:
    """The difference of two versions, None while it is not made."""
    return find_difference(store(), left.digest, right.digest)


def comparing(left: DatasetVersion, right: DatasetVersion) -> Job | None:
    """The latest job that was to compare these versions, also one that has failed."""
    jobs = Job.objects.filter(project=left.project_id, kind="compare", config={"before": left.uid, "after": right.uid})
    return jobs.order_by("-pk").first()


def _alive(version: DatasetVersion, kind: str, **config: str) -> Job | None:
    jobs = Job.objects.filter(project=version.project_id, kind=kind, **config).exclude(state__in=FINISHED)
    return jobs.order_by("-pk").first()


def dependents(version: DatasetVersion) -> list[tuple[str, list[Artefact | MixturePlan]]]:
    """`(what they are, rows)` of everything that was made from this version; none of it needs the version's files."""
    found: list[tuple[str, list[Artefact | MixturePlan]]] = [
        ("dataset versions", list(version.children.filter(deleted_at=None).defer("manifest").order_by("pk"))),
        ("sequence sets", list(SequenceSet.objects.filter(dataset=version).defer("manifest").order_by("pk"))),
        ("samples of rules", list(RuleSample.objects.filter(datasets=version).defer("manifest").order_by("pk"))),
        ("columns", list(ColumnSet.objects.filter(dataset=version).defer("manifest").order_by("pk"))),
        ("clusterings", list(Clustering.objects.filter(dataset=version).defer("manifest").order_by("pk"))),
        ("classifiers", list(Classifier.objects.filter(dataset=version).defer("manifest").order_by("pk"))),
        ("mixtures", _mixtures(version)),
    ]
    return [(name, rows) for name, rows in found if rows]


def _mixtures(version: DatasetVersion) -> list[Artefact | MixturePlan]:
    """Versions of mixtures in which this dataset version fills a row."""
    plans = MixturePlan.objects.filter(project=version.project_id).order_by("pk")
    used = {plan.pk: {Fill.parse(key).dataset for row in plan.rows for key in row["fills"]} for plan in plans}
    return [plan for plan in plans if version.uid in used[plan.pk]]


def held_by(version: DatasetVersion) -> list[Problem]:
    """A tag says that somebody counts on this version."""
    tags = DatasetTag.objects.filter(version=version).values_list("name", flat=True)
    hint = "move it to another version or remove it first"
    return [Problem(f"{version.uid} has the tag {name}", hint=hint) for name in tags]
