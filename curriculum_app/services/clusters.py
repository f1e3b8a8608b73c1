"""Names of clusters: what somebody calls one, in the place of the suggestion."""

from __future__ import annotations

from chimera.errors import InputError, Problem
from chimera.projects.access import Actor
from chimera.projects.models import Role
from curriculum_app.models import Clustering, ClusterName

LONGEST = 80


def cluster_rename(actor: Actor, clustering: Clustering, number: int, name: str) -> None:
    """Call a cluster `name`; an empty one brings the suggested name back.

    Raises:
        InputError: the name is too long or holds characters that cannot be stored.
    """
    actor.require(Role.EDITOR)
    name = " ".join(name.split())
    if len(name) > LONGEST or "\0" in name:
        raise InputError(
            Problem(f"{name[:LONGEST]!r} … cannot be a name", "name", hint=f"at most {LONGEST} characters")
        )
    if not name:
        ClusterName.objects.filter(clustering=clustering, number=number).delete()
        return
    ClusterName.objects.update_or_create(
        clustering=clustering, number=number, defaults={"name": name, "named_by": actor.name}
    )
