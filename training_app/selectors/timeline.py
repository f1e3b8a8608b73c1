"""What happened to a run, newest first: its own events and the transitions of its job in one list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chimera.jobs.models import JobEvent
from chimera.projects.access import Actor
from training_app.models import RunEvent, TrainingRun

# Job transitions that say no more than an event of the run itself.
_SILENT = ("pause asked", "pause withdrawn")
ALARMS = ("alert", "diverged", "gate")
_UNMARKED = ("started", "non_finite")  # the first step needs no line; what is no number is counted in its chart
SHOWN = 300  # events of a run: another trainer may send any number of them


@dataclass(frozen=True)
class Happening:
    """One line. `step` is where it is drawn on the charts, if `marked`; an alarm is named on those of its `key`."""

    at: datetime
    seconds: float
    word: str
    text: str
    attempt: int
    step: int | None
    marked: bool
    key: str = ""

    @property
    def alarm(self) -> str:
        """What an alarm is called on a chart: the name of its rule; empty for all other events."""
        return self.text.partition(":")[0] if self.word == "alert" else self.word if self.word in ALARMS else ""


def timeline(actor: Actor, run: TrainingRun) -> list[Happening]:
    """The newest events; seconds are counted from the creation of the run."""
    own = RunEvent.objects.filter(run=run, run__project=actor.project).order_by("-id")[:SHOWN]
    job = JobEvent.objects.filter(job=run.job_id, job__project=actor.project).exclude(message__in=_SILENT)
    found = [_own(event, run) for event in own] + [_of_job(event, run) for event in job]
    return sorted(found, key=lambda item: item.at, reverse=True)


def _own(event: RunEvent, run: TrainingRun) -> Happening:
    marked = event.kind not in _UNMARKED and event.step is not None
    seconds = (event.at - run.created_at).total_seconds()
    return Happening(event.at, seconds, event.kind, event.message, event.attempt, event.step, marked, event.key)


def _of_job(event: JobEvent, run: TrainingRun) -> Happening:
    seconds = max(0.0, (event.at - run.created_at).total_seconds())
    by = f" · {event.actor}" if event.actor else ""
    return Happening(event.at, seconds, event.state, f"{event.message}{by}", event.attempt, None, False)
