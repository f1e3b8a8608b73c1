"""Runs that use a schedule or a curriculum, for the pages of the app below."""

from __future__ import annotations

from typing import Any

from chimera.projects.access import Actor
from curriculum_app.models import Curriculum, Schedule
from training_app.models import TrainingRun

SHOWN = 12


def runs_on_schedule(actor: Actor, schedule: Schedule) -> dict[str, Any]:
    return _runs(actor, schedule=schedule)


def runs_on_curriculum(actor: Actor, curriculum: Curriculum) -> dict[str, Any]:
    return _runs(actor, schedule__curriculum=curriculum)


def _runs(actor: Actor, **of: Any) -> dict[str, Any]:
    """The newest runs with their state and held-out score; empty if there is none."""
    runs = TrainingRun.objects.filter(project=actor.project, **of).select_related("job")
    count = runs.count()
    return {"runs": runs[:SHOWN], "count": count} if count else {}
