"""Saved mappings of a project: which keys of a record hold what, under a name, to be used again."""

from __future__ import annotations

from chimera.errors import InputError, Problem
from chimera.projects.access import Actor
from chimera.projects.models import Role
from curriculum_app.core.configs import ImportConfig
from curriculum_app.models import SchemaMapping

DEFAULTS = ("domain", "source", "license", "content")


def mapping_save(actor: Actor, name: str, config: ImportConfig) -> SchemaMapping:
    """Keep the mapping of `config`, and what it says of records that do not say it; a known name is overwritten.

    Raises:
        InputError: `name` is no name.
    """
    actor.require(Role.EDITOR)
    name = name.strip()
    if not name or len(name) > 120 or "\0" in name:
        raise InputError(Problem("give it a name of at most 120 characters", field="save_as"))
    raw = config.as_json()
    said = {"mapping": raw["mapping"], "defaults": {key: raw[key] for key in DEFAULTS}, "saved_by": actor.name}
    row, _ = SchemaMapping.objects.update_or_create(project=actor.project, name=name, defaults=said)
    return row


def mapping_delete(actor: Actor, row: SchemaMapping) -> None:
    """Forget it; imports that used it keep their own copy."""
    actor.require(Role.EDITOR)
    row.delete()
