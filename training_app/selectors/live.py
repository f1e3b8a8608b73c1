"""What the socket sends: rows newer than the client's, read under the same permission as the pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Max

from chimera.jobs.models import Job
from chimera.projects.access import Actor, actor_for
from training_app.models import MetricLedger, MetricRow, TrainingRun

ROWS_PER_MESSAGE = 200


@dataclass(frozen=True)
class News:
    """Rows after a seq. `reset` says that rows alone do not bring the client there: it has to read the series again.

    It is the seq of the newest rewind among the rows (what the client has may be cut), or that up to which rows were
    sealed meanwhile; the next rows come after it.
    """

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
    reset = cuts[-1] if cuts and after else None
    if not shown or shown[0]["seq"] != after + 1:  # rows in between are cut or sealed
        sealed = _sealed_after(actor, pk, after)
        reset = max(sealed, reset or 0) if sealed else reset
    return News(shown, reset, len(found) > ROWS_PER_MESSAGE)


def _sealed_after(actor: Actor, pk: int, after: int) -> int | None:
    """The seq up to which rows of run `pk` are sealed if that is beyond `after`."""
    ledgers = MetricLedger.objects.filter(run=pk, run__project__memberships__user=actor.user, sealed_seq__gt=after)
    return ledgers.values_list("sealed_seq", flat=True).first()


def last_seq(actor: Actor, pk: int) -> int:
    """The seq of the newest row of run `pk`; 0 before the first."""
    own = TrainingRun.objects.filter(pk=pk, project=actor.project)
    newest = own.aggregate(row=Max("metric_rows__seq"), sealed=Max("metric_ledger__sealed_seq"))
    return max(newest["row"] or 0, newest["sealed"] or 0)


def job_news(actor: Actor, pk: int) -> dict[str, Any] | None:
    """State and progress of job `pk` as the socket sends them; None if no longer a member."""
    fields = ("pk", "kind", "state", "control", "attempt", "done", "total", "unit", "message")
    jobs = Job.objects.filter(pk=pk, project__memberships__user=actor.user)
    row = jobs.values(*fields).first()
    return None if row is None else {"job": row.pop("pk"), **row}
