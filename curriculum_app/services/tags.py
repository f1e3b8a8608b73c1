"""Tags of dataset versions: set, move, remove. Each change writes its line of history."""

from __future__ import annotations

import re

from django.db import transaction

from chimera.errors import InputError, Problem
from chimera.projects.access import Actor
from chimera.projects.models import Project, Role
from curriculum_app.models import DatasetTag, DatasetTagMove, DatasetVersion

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,59}")


def tag_put(actor: Actor, version: DatasetVersion, name: str) -> None:
    """Let the tag `name` point to `version`; one that does so already stays as it is.

    Raises:
        InputError: `name` is no name for a tag.
    """
    actor.require(Role.EDITOR)
    name = name.strip()
    if not _NAME.fullmatch(name):
        hint = "up to 60 of a–z, 0–9, point, hyphen and underscore; a letter or digit first"
        raise InputError(Problem(f"{name!r} is no name for a tag", field="name", hint=hint))
    with transaction.atomic():
        tag = _locked(actor, name)
        before = None if tag is None else tag.version
        if before == version:
            return
        tag = tag or DatasetTag(project=actor.project, name=name)
        tag.version, tag.moved_by = version, actor.name
        tag.save()
        _record(actor, name, before, version)


def tag_remove(actor: Actor, version: DatasetVersion, name: str) -> None:
    """Remove the tag `name`.

    Raises:
        InputError: it does not point to `version` (any more).
    """
    actor.require(Role.EDITOR)
    with transaction.atomic():
        tag = _locked(actor, name)
        if tag is None or tag.version != version:
            raise InputError(Problem(f"{version} has no tag {name!r}", field="name", hint="it was moved or removed"))
        tag.delete()
        _record(actor, name, version, None)


def _locked(actor: Actor, name: str) -> DatasetTag | None:
    """The tag, if there is one. One change of tags at a time in a project, so that the history has no gaps."""
    Project.objects.select_for_update().get(pk=actor.project.pk)
    return DatasetTag.objects.select_related("version").filter(project=actor.project, name=name).first()


def _record(actor: Actor, name: str, before: DatasetVersion | None, after: DatasetVersion | None) -> None:
    DatasetTagMove.objects.create(
        project=actor.project,
        name=name,
        before=before.label if before else "",
        before_digest=before.digest if before else "",
        after=after.label if after else "",
        after_digest=after.digest if after else "",
        actor=actor.name,
    )
