"""Reads of dataset versions: rows, lineage, and the documents in their artefacts."""

from __future__ import annotations

from typing import Any

from django.db.models import Case, Max, Prefetch, Q, QuerySet, When
from django.shortcuts import get_object_or_404

from chimera.jobs import refs
from chimera.projects.access import Actor
from curriculum_app.core import dataset_version as core
from curriculum_app.core.documents import Document
from curriculum_app.models import DatasetTag, DatasetTagMove, DatasetVersion, SequenceSet
from curriculum_app.selectors.funnel import dropped_count
from curriculum_app.selectors.window import Window

OTHERS = 200
DELETED = "deleted"
MOVES = 20


def versions(actor: Actor, stage: str = "") -> QuerySet[DatasetVersion]:
    """Newest first, with parents, tags and the tokens of its largest sequence set (None before grouping).

    `stage` `deleted` gives the deleted ones, which no other list holds.
    """
    found = DatasetVersion.objects.filter(project=actor.project, deleted_at__isnull=stage != DELETED)
    if stage in DatasetVersion.Stage.values:
        found = found.filter(stage=stage)
    parents = Prefetch("parents", DatasetVersion.objects.only("name", "version").order_by("pk"))
    return found.annotate(tokens=Max("sequence_sets__tokens")).prefetch_related(parents, "tags").order_by("-pk")


def version_get(actor: Actor, pk: int) -> DatasetVersion:
    """The version of this project, or 404."""
    rows = DatasetVersion.objects.select_related("job").prefetch_related("tags")
    return get_object_or_404(rows, project=actor.project, pk=pk)


def lineage(version: DatasetVersion) -> dict[str, list[Any]]:
    """`ancestors` (all, nearest first), `children` (dataset versions made of it) and its `sequence_sets`."""
    ancestors: list[DatasetVersion] = []
    level = list(version.parents.defer("manifest").order_by("pk"))
    while level:
        ancestors += [row for row in level if row not in ancestors]
        level = list(DatasetVersion.objects.defer("manifest").filter(children__in=level).distinct().order_by("pk"))
    children = list(version.children.defer("manifest").order_by("pk"))
    sets = list(SequenceSet.objects.defer("manifest").filter(dataset=version).order_by("pk"))
    return {"ancestors": ancestors, "children": children, "sequence_sets": sets}


def others(version: DatasetVersion) -> list[DatasetVersion]:
    """What `version` may be compared with: the newest versions of its project, those of its own name first."""
    rows = DatasetVersion.objects.defer("manifest").filter(project=version.project_id, deleted_at=None)
    rows = rows.exclude(pk=version.pk)
    return list(rows.order_by(Case(When(name=version.name, then=0), default=1), "-pk")[:OTHERS])


def tag_names(actor: Actor) -> list[str]:
    """Every tag of the project, by name."""
    return list(DatasetTag.objects.filter(project=actor.project).values_list("name", flat=True))


def tag_moves(version: DatasetVersion) -> list[DatasetTagMove]:
    """The latest moves of tags to this version or away from it, newest first."""
    here = Q(before_digest=version.digest) | Q(after_digest=version.digest)
    return list(DatasetTagMove.objects.filter(here, project=version.project_id)[:MOVES])


def licenses(manifest: dict[str, Any]) -> list[tuple[str, int]]:
    """`(licence, documents)`, the most frequent first; a missing licence is named as such."""
    found = manifest.get("licenses", {})
    return sorted(((name or "not stated", count) for name, count in found.items()), key=lambda item: -item[1])


def opened(version: DatasetVersion) -> core.DatasetVersion | None:
    """The artefact, or None when its files are not on this machine, or the version is deleted."""
    if version.deleted:
        return None
    return refs.opened(core.DatasetVersion, version)


def documents(version: core.DatasetVersion, domain: str | None, modality: str | None = None) -> Window[Document]:
    """All of them, those of one domain, or those of one modality."""
    if modality:
        counts = modalities(version.manifest).get(modality, {"documents": 0})
        return Window(counts["documents"], lambda offset, limit: version.documents(None, offset, limit, modality))
    counts = version.manifest["domains"].get(domain, {"documents": 0}) if domain else version.manifest["counts"]
    return Window(counts["documents"], lambda offset, limit: version.documents(domain, offset, limit))


def modalities(manifest: dict[str, Any]) -> dict[str, dict[str, int]]:
    """Modality → documents, bytes, media, media_bytes; empty where there is nothing but text or code."""
    counts: dict[str, dict[str, int]] = manifest.get("modalities", {})
    return counts if any(entry["media"] for entry in counts.values()) else {}


def dropped(version: core.DatasetVersion, stage: str | None, domain: str | None) -> Window[core.DroppedDocument]:
    count = dropped_count(version.manifest, stage, domain)
    return Window(count, lambda offset, limit: version.dropped(stage, domain, offset, limit))


def quarantined(version: core.DatasetVersion) -> Window[core.QuarantinedRecord]:
    count = version.manifest.get("quarantine", {}).get("records", 0)
    return Window(count, version.quarantine)
