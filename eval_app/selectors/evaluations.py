"""Reads of evaluations."""

from __future__ import annotations

from django.shortcuts import get_object_or_404

from chimera.projects.access import Actor
from eval_app.models import EvalReport


def report_get(actor: Actor, pk: int) -> EvalReport:
    """Raises Http404 for another project's report."""
    reports = EvalReport.objects.filter(project=actor.project).select_related("checkpoint__run", "sequence_set")
    return get_object_or_404(reports, pk=pk)
