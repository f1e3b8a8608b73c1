"""The starter project: a project with the starter taxonomy and the bundled benchmarks, owned by every superuser."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.db import transaction

from chimera.projects.access import Actor
from chimera.projects.models import Membership, Project, Role
from curriculum_app.models import TaxonomyNode
from curriculum_app.services.benchmarks import load_bundled
from curriculum_app.services.taxonomy import import_tree
from curriculum_app.starter.taxonomy import nodes

SLUG = "starter"


@transaction.atomic
def load_starter_project() -> Project:
    """Create what is missing of the starter project; calling it again changes nothing that a user has edited."""
    project, _ = Project.objects.get_or_create(
        slug=SLUG,
        defaults={"name": "Starter project", "description": "A small real corpus and one study, from text to verdict."},
    )
    for user in get_user_model().objects.filter(is_superuser=True):
        Membership.objects.get_or_create(project=project, user=user, defaults={"role": Role.OWNER})
    owner = Membership.objects.filter(project=project, role=Role.OWNER).select_related("user").order_by("pk").first()
    if owner is not None and not TaxonomyNode.objects.filter(project=project).exists():
        import_tree(Actor(owner.user, project, Role.OWNER), nodes())
    load_bundled(project)
    return project
