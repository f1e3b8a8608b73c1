"""The runs table and one run."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q, QuerySet

from chimera.jobs.models import State
from chimera.projects.access import Actor
from training_app.models import Checkpoint, ClientSession, RunEvent, TrainingRun

LOSS, HELD_OUT = "loss", "held_out/macro"


@dataclass(frozen=True)
class RunFilter:
    """What the runs are narrowed to; every field is in the URL."""

    query: str = ""
    state: str = ""


def of_project(actor: Actor) -> QuerySet[TrainingRun]:
    return TrainingRun.objects.filter(project=actor.project)


def filtered(actor: Actor, wanted: RunFilter) -> QuerySet[TrainingRun]:
    """All runs that the filter lets through, by words in name, arm or study, and by state."""
    runs = of_project(actor)
    for word in wanted.query.split():
        runs = runs.filter(Q(name__icontains=word) | Q(group__icontains=word) | Q(job__parent__name__icontains=word))
    if wanted.state in State.values:
        runs = runs.filter(job__state=wanted.state)
    return runs


def state_counts(actor: Actor) -> dict[str, int]:
    """Number of runs by state of their job, for the filter."""
    counts: dict[str, int] = {}
    for state in of_project(actor).values_list("job__state", flat=True):
        counts[state] = counts.get(state, 0) + 1
    return counts


def get_run(actor: Actor, pk: int) -> TrainingRun:
    """The run with all that its page names.

    Raises:
        TrainingRun.DoesNotExist: not in the actor's project.
    """
    related = ("job", "job__parent", "schedule__curriculum", "schedule__sequence_set__dataset")
    return of_project(actor).select_related(*related).get(pk=pk)


def charted_run(actor: Actor, pk: int) -> TrainingRun:
    """The run with no more than its charts need: whose it is and which keys it has logged.

    Raises:
        TrainingRun.DoesNotExist: not in the actor's project.
    """
    return of_project(actor).only("project", "latest").get(pk=pk)


@dataclass(frozen=True)
class Progress:
    """How far a run is. `share` is in [0, 1]; `eta_seconds` is known only while it runs and has a pace."""

    step: int
    steps: int | None
    tokens: int
    budget_tokens: int | None
    pace: float | None
    eta_seconds: float | None

    @property
    def share(self) -> float | None:
        return self.step / self.steps if self.steps else None


def progress(run: TrainingRun) -> Progress:
    """Where the run stands; the time left is what is left over the last minute's pace."""
    running = run.job.state in (State.RUNNING, State.CANCELLING)
    pace = run.pace if running else run.summary.get("tokens_per_second", run.pace)
    left = run.budget_tokens - run.tokens if run.budget_tokens is not None else None
    eta = left / pace if running and pace and left is not None else None
    return Progress(run.step, run.steps, run.tokens, run.budget_tokens, pace, eta)


def last_resume(actor: Actor, run: TrainingRun) -> RunEvent | None:
    """The newest resumption, if the run was ever taken up again."""
    found = RunEvent.objects.filter(run=run, run__project=actor.project, kind="resumed")
    return found.order_by("-pk").first()


def program_of(actor: Actor, run: TrainingRun) -> str:
    """What a foreign run's program says of itself; empty for our own and for imported ones."""
    client = ClientSession.objects.filter(run=run, run__project=actor.project).first()
    return client.program if client is not None else ""


def checkpoints(actor: Actor, run: TrainingRun) -> list[Checkpoint]:
    return list(Checkpoint.objects.filter(project=actor.project, run=run).order_by("-pk"))


def get_checkpoint(actor: Actor, pk: int) -> Checkpoint:
    """The checkpoint with its run and reports.

    Raises:
        Checkpoint.DoesNotExist: not in the actor's project.
    """
    related = ("job", "run__job", "run__schedule__curriculum", "run__schedule__sequence_set__dataset")
    return Checkpoint.objects.filter(project=actor.project).select_related(*related).get(pk=pk)
