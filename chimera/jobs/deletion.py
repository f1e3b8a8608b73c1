"""Deletion as a tombstone: the row stays with its manifest, the files go when no project needs them any more.

Files are removed under the locks of all projects, and only those of a digest that has a deleted row and no living one.
`adopt_artefact` takes its project's lock and looks at the files under it: so a digest that a running job has just
sealed either gets its living row first and stays, or is gone before the look, and the job makes it again.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from chimera.artefact_notes import forget_verified
from chimera.artefacts import ArtefactStore
from chimera.errors import InputError, Problem
from chimera.jobs import refs
from chimera.jobs.models import FINISHED, Artefact, Job, State
from chimera.projects.access import Actor
from chimera.projects.models import Project, Role


def delete(actor: Actor, row: Artefact) -> Artefact:
    """Mark `row` as deleted and remove its files if nothing else needs them. What was made from it stays as it is.

    Raises:
        PermissionDenied: the actor is no editor.
        InputError: things of this kind are kept, it is deleted already, or something needs it.
    """
    actor.require(Role.EDITOR)
    if not refs.leaves_tombstones(row.ref_kind):
        kinds = ", ".join(filter(refs.leaves_tombstones, refs.kinds()))
        raise InputError(Problem(f"{row.uid} cannot be deleted", hint=f"what can be deleted: {kinds}"))
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=row.project_id)
        row.refresh_from_db()
        if problems := refusals(row):
            raise InputError(problems)
        marks = {"deleted_at": timezone.now(), "deleted_by": actor.name}
        type(row)._default_manager.filter(pk=row.pk).update(**marks)
        row.refresh_from_db()
    collect(row.ref_kind, row.digest)
    return row


def refusals(row: Artefact) -> list[Problem]:
    """Why `row` cannot be deleted now; empty when it can."""
    if row.deleted:
        return [Problem(f"{row.uid} is deleted already")]
    hint = "wait until it has ended, or cancel it"
    busy = [Problem(f"{job.uid} ({job.kind}) needs {row.uid}", hint=hint) for job in _jobs_that_need(row)]
    return busy + refs.holds_on_to(row)


def collect(kind: str = "", digest: str = "") -> list[tuple[str, str]]:
    """Remove the files of deleted artefacts that nothing needs; returns `(kind, digest)` of those removed.

    Safe at any time, by any number of processes. Without arguments it looks at every deleted artefact, and at what a
    killed process has left half removed.
    """
    store = ArtefactStore(Path(settings.DATA_DIR) / "artefacts")
    candidates = _candidates(kind, digest)
    removed = [found for found in candidates if _take_away(store, *found)]
    removed += _take_followers(store, candidates)
    store.discard_taken()
    return removed


def _take_followers(store: ArtefactStore, candidates: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """What means nothing without the files of deleted artefacts that are gone."""
    removed: list[tuple[str, str]] = []
    gone = {found for found in candidates if not store.has(*found) and not _lives(*found)}
    for kind in {kind for kind, _ in gone}:
        for follower, names in refs.followers_of(kind).items():
            for stored in list(store.each(follower)):
                follows = any((kind, stored.manifest.get(name)) in gone for name in names)
                if follows and store.take_away(follower, stored.digest) is not None:
                    removed.append((follower, stored.digest))
    return removed


def _candidates(kind: str, digest: str) -> list[tuple[str, str]]:
    """`(kind, digest)` of deleted rows."""
    found: list[tuple[str, str]] = []
    for name in filter(refs.leaves_tombstones, [kind] if kind else refs.kinds()):
        digests = refs.tombstones(name).order_by("digest").values_list("digest", flat=True).distinct()
        found += [(name, each) for each in (digests.filter(digest=digest) if digest else digests)]
    return found


@transaction.atomic
def _take_away(store: ArtefactStore, kind: str, digest: str) -> bool:
    """Looked at and moved away under the locks of all projects, so that no row can appear in between."""
    list(Project.objects.select_for_update().order_by("pk"))
    of_digest = refs.model_of(kind)._default_manager.filter(digest=digest)
    if _lives(kind, digest) or any(_jobs_that_need(row) for row in of_digest):
        return False
    if store.take_away(kind, digest) is None:
        return False
    forget_verified(store, kind, digest)
    return True


def _lives(kind: str, digest: str) -> bool:
    """Whether some project has a row of this content that is not deleted."""
    rows = refs.model_of(kind)._default_manager.filter(digest=digest)
    return rows.exclude(pk__in=refs.tombstones(kind)).exists()


def _jobs_that_need(row: Artefact) -> list[Job]:
    """Jobs that have not ended and name `row`, or whose children made it for the next ones."""
    alive = Job.objects.filter(project=row.project_id).exclude(state__in=FINISHED).order_by("pk")
    naming = [job for job in alive if row.uid in _strings(job.config)]
    children = Job.objects.filter(parent__in=alive.filter(composite=True), state=State.SUCCEEDED)
    makers = {child.parent_id for child in children if row.uid in _strings(child.artifacts)}
    return naming + [job for job in alive if job.pk in makers and job not in naming]


def _strings(value: Any) -> Iterator[str]:
    """Every string in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)
