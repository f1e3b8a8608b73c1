"""What the socket sends: rows newer than the client's, read under the same permission as the pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Max

from chimera.jobs.models import Job
from chimera.projects.access import Actor, actor_for
from training_app.models import MetricRow, TrainingRun

ROWS_PER_MESSAGE = 200


@dataclass(frozen=True)
class News:
    """Rows after a seq. `reset` is the seq of the newest rewind among them: what the client has may be cut."""

    rows: Sequence[Mapping[str, Any]]
    reset: int | None
    more: bool


def run_actor(user: User, pk: int) -> Actor | None:
    """Who `user` is in the project of run `pk`; None when there is no such run or they are no member."""
    run = TrainingRun.objects.select_related("project").filter(pk=pk).first()
    return None if run is None else actor_for(user, run.project)


def job_actor(user: User, pk: int) -> Actor | None:
    """Who `user` is in the project of job `pk`; None when there is no such job or they are no member."""
    job = Job.objects.select_related("project").filter(pk=pk).first()
    return None if job is None else actor_for(user, job.project)


def run_news(actor: Actor, pk: int, after: int) -> News:
    """The rows of run `pk` with seq > `after`, oldest first, at most `ROWS_PER_MESSAGE`; none if no longer a member."""
    rows = MetricRow.objects.filter(run=pk, run__project__memberships__user=actor.user, seq__gt=after)
    found = list(rows.order_by("seq").values("seq", "attempt", "points")[: ROWS_PER_MESSAGE + 1])
    shown = found[:ROWS_PER_MESSAGE]
    cuts = [row["seq"] for row in shown if "cut" in row["points"]]
    return News(shown, cuts[-1] if cuts and after else None, len(found) > ROWS_PER_MESSAGE)


def last_seq(actor: Actor, pk: int) -> int:
    """The seq of the newest row of run `pk`; 0 before the first."""
    rows = MetricRow.objects.filter(run=pk, run__project=actor.project)
    return rows.aggregate(last=Max("seq"))["last"] or 0


def job_news(actor: Actor, pk: int) -> dict[str, Any] | None:
    """State and progress of job `pk` as the socket sends them; None if no longer a member."""
    fields = ("pk", "kind", "state", "control", "attempt", "done", "total", "unit", "message")
    jobs = Job.objects.filter(pk=pk, project__memberships__user=actor.user)
    row = jobs.values(*fields).first()
    return None if row is None else {"job": row.pop("pk"), **row}
