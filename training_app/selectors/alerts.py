"""The alerts of a project: those of rules (events of runs) and those of jobs, newest first, with what is unread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from chimera.jobs.models import JobEvent
from chimera.projects.access import Actor
from training_app.core.alert_rules import LEVELS
from training_app.models import AlertsSeen, RunEvent

PAGE = 50
UNREAD_SHOWN = 99  # more are not counted
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class AlertFilter:
    """What to show: a level, a rule id ("stuck" for jobs), a run; empty is everything."""

    level: str = ""
    rule: str = ""
    run: str = ""


@dataclass(frozen=True)
class AlertLine:
    """One alert: an event of a run, or (`rule` is "stuck") one of a job."""

    at: datetime
    level: str
    message: str
    rule: str
    event: RunEvent | JobEvent
    unread: bool

    @property
    def of_run(self) -> bool:
        return isinstance(self.event, RunEvent)


def alerts_page(actor: Actor, wanted: AlertFilter, number: str) -> Page[AlertLine]:
    """A page of alerts, newest first; what came after the reader's last visit is marked unread."""
    since = seen_until(actor)
    found = Paginator(_both(actor, wanted).order_by("-at", "-pk"), PAGE).get_page(number)
    found.object_list = _lines(list(found.object_list), since)
    return found


def seen_until(actor: Actor) -> datetime:
    """When the reader last looked."""
    mark = AlertsSeen.objects.filter(project=actor.project, user=actor.user).first()
    return mark.at if mark else _NEVER


def unread(actor: Actor) -> int:
    """How many alerts came since the reader last looked, at most `UNREAD_SHOWN + 1` (one query)."""
    mark = AlertsSeen.objects.filter(project=actor.project, user=actor.user).values("at")
    runs, jobs = _of_runs(actor), _of_jobs(actor)
    late = Coalesce(Subquery(mark), Value(_NEVER))
    both = runs.filter(at__gt=late).values("pk").union(jobs.filter(at__gt=late).values("pk"), all=True)
    return both[: UNREAD_SHOWN + 1].count()


def unread_counter() -> Callable[[Actor], int]:
    """The capability that the navigation asks for."""
    return unread


def rules_with_alerts(actor: Actor) -> list[str]:
    """Ids of rules that have ever spoken in this project, for the filter."""
    return sorted(set(_of_runs(actor).exclude(rule="").order_by().values_list("rule", flat=True).distinct()))


def _of_runs(actor: Actor) -> QuerySet[RunEvent]:
    return RunEvent.objects.filter(kind="alert", run__project=actor.project)


def _of_jobs(actor: Actor) -> QuerySet[JobEvent]:
    return JobEvent.objects.filter(level__gt="", job__project=actor.project)


def _both(actor: Actor, wanted: AlertFilter) -> QuerySet[Any, Any]:
    runs, jobs = _of_runs(actor), _of_jobs(actor)
    if wanted.level in LEVELS:
        plain = Q(level="") if wanted.level == "warn" else Q(pk=None)
        runs, jobs = runs.filter(Q(level=wanted.level) | plain), jobs.filter(level=wanted.level)
    if wanted.rule == "stuck":
        runs = runs.none()
    elif wanted.rule:
        runs, jobs = runs.filter(rule=wanted.rule), jobs.none()
    if wanted.run:
        number = int(wanted.run) if wanted.run.isdecimal() and len(wanted.run) < 19 else 0
        runs, jobs = runs.filter(run=number), jobs.filter(job__run=number)
    one = runs.annotate(of=Value("run")).values("of", "pk", "at")
    return one.union(jobs.annotate(of=Value("job")).values("of", "pk", "at"), all=True)


def _lines(keys: list[dict[str, Any]], since: datetime) -> list[AlertLine]:
    wanted = {of: [key["pk"] for key in keys if key["of"] == of] for of in ("run", "job")}
    runs = RunEvent.objects.filter(pk__in=wanted["run"]).select_related("run").in_bulk()
    jobs = JobEvent.objects.filter(pk__in=wanted["job"]).select_related("job__run").in_bulk()
    events: list[RunEvent | JobEvent] = [(runs if key["of"] == "run" else jobs)[key["pk"]] for key in keys]
    return [_line(event, since) for event in events]


def _line(event: RunEvent | JobEvent, since: datetime) -> AlertLine:
    rule = event.rule if isinstance(event, RunEvent) else "stuck"
    return AlertLine(event.at, event.level or "warn", event.message, rule, event, event.at > since)
