"""A dataset version as a file to take away."""

from __future__ import annotations

from collections.abc import Iterator

from chimera.projects.access import Actor
from chimera.projects.models import Role
from curriculum_app.core import dataset_version as core
from curriculum_app.core.version_export import EXPORTS
from curriculum_app.models import DatasetVersion


def version_export(actor: Actor, version: DatasetVersion, name: str) -> Iterator[bytes]:
    """The documents in the format `name` of `EXPORTS`, made piece by piece as they are read.

    Raises:
        FileNotFoundError: the artefact is not on this machine.
    """
    actor.require(Role.VIEWER)
    if version.deleted:
        raise FileNotFoundError(f"{version} is deleted")
    return EXPORTS[name](core.DatasetVersion.open(version.stored()))
