"""Runs that use a schedule or a curriculum, for the pages of the app below."""

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch

from chimera.projects.access import Actor
from curriculum_app.models import Curriculum, Schedule
from curriculum_app.selectors.lineage import Graph
from training_app.models import Checkpoint, TrainingRun

SHOWN = 12
IN_LINEAGE = 50


def runs_on_schedule(actor: Actor, schedule: Schedule) -> dict[str, Any]:
    return _runs(actor, schedule=schedule)


def runs_on_curriculum(actor: Actor, curriculum: Curriculum) -> dict[str, Any]:
    return _runs(actor, schedule__curriculum=curriculum)


def runs_of_lineage(actor: Actor, graph: Graph) -> dict[str, Any]:
    """The newest runs on the orders of a lineage, with their checkpoints; empty if there is none."""
    schedules = [node.row.pk for node in graph.nodes if node.kind == Schedule.ref_kind]
    if not schedules:
        return {}
    runs = TrainingRun.objects.filter(project=actor.project, schedule__in=schedules).order_by("-pk")
    checkpoints = Prefetch("checkpoints", Checkpoint.objects.defer("manifest").order_by("step"))
    shown = runs.select_related("job", "schedule").defer("schedule__manifest").prefetch_related(checkpoints)
    count = runs.count()
    return {"runs": shown[:IN_LINEAGE], "count": count} if count else {}


def _runs(actor: Actor, **of: Any) -> dict[str, Any]:
    """The newest runs with their state and held-out score; empty if there is none."""
    runs = TrainingRun.objects.filter(project=actor.project, **of).select_related("job")
    count = runs.count()
    return {"runs": runs[:SHOWN], "count": count} if count else {}
