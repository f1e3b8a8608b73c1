"""Curricula are saved as versions; a version never changes."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Max

from chimera.errors import InputError, Problem
from chimera.jobs.validation import validate_as
from chimera.projects.access import Actor
from chimera.projects.models import Project, Role
from chimera.typed import sha256_json
from curriculum_app.core.configs_order import PolicyChoice
from curriculum_app.core.curriculum_draft import CurriculumDraft
from curriculum_app.core.curriculum_file import CurriculumFile
from curriculum_app.models import Curriculum
from curriculum_app.selectors.designs import preview


@transaction.atomic
def curriculum_for(
    project: Project, name: str, policy: PolicyChoice, *, seen: str | None = None, **facts: Any
) -> tuple[Curriculum, bool]:
    """The curriculum of this name, policy and settings: an equal one is reused, another is the next version.
    The second value says whether it is new.

    `seen` is the newest version the caller knew (`mix:v3`; "" for none): when another has come meanwhile, nothing is
    saved. `facts` are further columns of a new row.

    Raises:
        InputError: somebody else has saved a version of this name.
    """
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)  # two savers, one after the other
    fingerprint = sha256_json({"name": name, "policy": policy.key, "config": policy.config})
    of_project = Curriculum.objects.filter(project=project)
    existing = of_project.filter(fingerprint=fingerprint).first()
    if existing is not None:
        return existing, False
    latest = of_project.filter(name=name).aggregate(latest=Max("version"))["latest"] or 0
    if seen is not None:
        _require_unchanged(of_project.filter(name=name, version=latest).first(), name, seen)
    said = {"name": name, "policy": policy.key, "config": policy.config, "fingerprint": fingerprint}
    return Curriculum.objects.create(project=project, version=latest + 1, **said, **facts), True


def _require_unchanged(newest: Curriculum | None, name: str, seen: str) -> None:
    """`seen` names another curriculum when the name was changed: then none of this name may exist."""
    if newest is None or newest.label == seen:
        return
    by = f" by {newest.created_by}" if newest.created_by else ""
    if seen.rpartition(":v")[0] == name:
        message = f"{newest.label} was saved{by} while you were designing from {seen}"
    else:
        message = f"{newest.label} exists already"
    hint = f"save again to make it {name}:v{newest.version + 1}, or choose another name"
    raise InputError(Problem(message, "name", hint=hint))


def curriculum_save(
    actor: Actor, raw: Any, *, parent: Curriculum | None = None, seen: str | None = None
) -> tuple[Curriculum, bool]:
    """The saved version, and whether it is new: one that is equal under the same name is not saved twice.

    Raises:
        InputError: something in it cannot be meant, its data cannot give it, or `curriculum_for` refuses.
    """
    actor.require(Role.EDITOR)
    draft = validate_as(CurriculumDraft, raw, actor.project)
    preview(actor.project, draft)
    return curriculum_for(
        actor.project,
        draft.name,
        draft.policy,
        seen=seen,
        parent=parent,
        sequence_set_id=draft.sequences.number if draft.sequences else None,
        budget_tokens=draft.budget_tokens,
        created_by=actor.name,
    )


def curriculum_import(actor: Actor, file: CurriculumFile) -> tuple[Curriculum, bool]:
    """`curriculum_save` of a file.

    Raises:
        InputError: as `curriculum_save`, with file and line.
    """
    try:
        return curriculum_save(actor, file.value)
    except InputError as error:
        raise InputError(file.located(error.problems)) from error
