"""Reads of saved mappings."""

from __future__ import annotations

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404

from chimera.projects.access import Actor
from curriculum_app.models import SchemaMapping


def mappings(actor: Actor) -> QuerySet[SchemaMapping]:
    """Those of the project, by name."""
    return SchemaMapping.objects.filter(project=actor.project).order_by("name")


def mapping_get(actor: Actor, pk: int) -> SchemaMapping:
    """The saved mapping of this project, or 404."""
    return get_object_or_404(SchemaMapping, project=actor.project, pk=pk)
