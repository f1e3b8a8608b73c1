"""Writes of skill tags: which items test which node."""

from __future__ import annotations

from uuid import UUID

from chimera.errors import InputError, Problem
from chimera.projects.access import Actor
from chimera.projects.models import Role
from curriculum_app.models import TaxonomyNode
from eval_app.models import SkillTag


def add_tag(actor: Actor, node: UUID | str, of: str, name: str, pattern: str = "*") -> SkillTag:
    """Tag items or a held-out domain to a node; a tag that exists is given back.

    Raises:
        InputError: no such node in this project, or nothing named.
    """
    actor.require(Role.EDITOR)
    name, pattern = name.strip(), pattern.strip() or "*"
    found = TaxonomyNode.objects.filter(project=actor.project, uuid=node).first()
    problems = []
    if found is None:
        problems.append(Problem("there is no such node in this project", field="node", hint="choose one of the tree"))
    if of not in SkillTag.Of.values:
        problems.append(Problem(f"{of!r} cannot be tagged", field="of", hint=f"one of {', '.join(SkillTag.Of.values)}"))
    if not name or len(name) > 120 or len(pattern) > 200:
        problems.append(Problem("name a task or a held-out domain", field="name", hint="at most 120 characters"))
    if problems:
        raise InputError(problems)
    tag, _ = SkillTag.objects.get_or_create(
        project=actor.project, node=found, of=of, name=name, pattern=pattern, defaults={"made_by": actor.name}
    )
    return tag


def remove_tag(actor: Actor, pk: int) -> None:
    """Forget a tag of this project; nothing happens if it is gone already."""
    actor.require(Role.EDITOR)
    SkillTag.objects.filter(project=actor.project, pk=pk).delete()
