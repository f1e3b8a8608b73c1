"""Mixtures are saved as versions; a version never changes."""

from __future__ import annotations

from django.db import transaction

from chimera.errors import InputError, Problem
from chimera.projects.access import Actor
from chimera.projects.models import Project, Role
from curriculum_app.core.mixture_draft import Draft
from curriculum_app.models import MixturePlan


@transaction.atomic
def mixture_save(actor: Actor, draft: Draft) -> MixturePlan:
    """The next version of the mixture of that name; the newest one if nothing is different.

    Raises:
        InputError: no name, or something in the mixture cannot be meant.
    """
    actor.require(Role.EDITOR)
    name = draft.name.strip()
    if not 0 < len(name) <= 200:
        raise InputError(Problem("needs a name of at most 200 characters", "name"))
    rows, budget = draft.saved_rows(), draft.tokens
    draft.ledger([None] * len(rows))  # the shares add up
    Project.objects.select_for_update().get(pk=actor.project.pk)
    newest = MixturePlan.objects.filter(project=actor.project, name=name).order_by("-version").first()
    if newest is not None and (newest.rows, newest.budget_tokens) == (rows, budget):
        return newest
    return MixturePlan.objects.create(
        project=actor.project,
        name=name,
        version=newest.version + 1 if newest else 1,
        budget_tokens=budget,
        rows=rows,
        created_by=actor.user.get_username(),
    )
