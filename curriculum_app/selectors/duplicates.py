"""Groups of duplicates of a version and the two texts of a pair."""

from __future__ import annotations

from dataclasses import dataclass

from chimera.projects.access import Actor
from curriculum_app.core import dataset_version as core
from curriculum_app.core.dedup.groups import GROUPS_FILE, Group, groups
from curriculum_app.core.documents import Document
from curriculum_app.core.text_difference import TextDifference, text_difference
from curriculum_app.models import DatasetVersion
from curriculum_app.selectors.datasets import opened
from curriculum_app.selectors.window import Window


def duplicate_groups(version: core.DatasetVersion, kept: str | None, removed: str | None) -> Window[Group] | None:
    """All groups, or those between two domains, the largest first; None for a version made before they were listed."""
    path = version.stored.path / GROUPS_FILE
    if not path.is_file():
        return None
    count, _ = groups(path, kept, removed, 0, 0)
    return Window(count, lambda offset, limit: groups(path, kept, removed, offset, limit)[1])


def holder(actor: Actor, version: DatasetVersion, digest: str) -> DatasetVersion | None:
    """The version that holds a kept document: this one, or an earlier one of the project."""
    if not digest:
        return version
    return DatasetVersion.objects.filter(project=actor.project, digest=digest).first()


@dataclass(frozen=True)
class Pair:
    """A removed document beside the one that was kept for it."""

    kept: Document
    removed: core.DroppedDocument
    holder: DatasetVersion
    difference: TextDifference


def pair(actor: Actor, version: DatasetVersion, kept_id: str, removed_id: str, digest: str) -> Pair | None:
    """Both documents with their difference; None where one of them is not here."""
    held = holder(actor, version, digest)
    here, there = opened(version), opened(held) if held else None
    if held is None or here is None or there is None:
        return None
    kept = there.find(kept_id)
    removed = next(iter(here.dropped_for(kept_id, 1, digest or None, removed_id)), None)
    if not isinstance(kept, Document) or removed is None:
        return None
    return Pair(kept, removed, held, text_difference(kept.text, removed.document.text))
