"""The runs table and one run."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.paginator import Page, Paginator
from django.db.models import Q, QuerySet

from chimera.jobs.models import State
from chimera.projects.access import Actor
from training_app.models import Checkpoint, ClientSession, RunEvent, TrainingRun

PAGE_SIZE = 50
LOSS, HELD_OUT = "loss", "held_out/macro"
SORTS = {
    "newest": "-id",
    "name": "name",
    "held-out": f"latest__{HELD_OUT}",
    "loss": f"latest__{LOSS}",
}


@dataclass(frozen=True)
class RunFilter:
    """What the runs table is narrowed to; every field is in the URL."""

    query: str = ""
    state: str = ""
    sort: str = "newest"
    page: str = "1"


def of_project(actor: Actor) -> QuerySet[TrainingRun]:
    return TrainingRun.objects.filter(project=actor.project)


def runs_page(actor: Actor, wanted: RunFilter) -> Page[TrainingRun]:
    """One page of runs with their jobs; the number of queries does not depend on the number of runs."""
    runs = of_project(actor).select_related("job", "job__parent")
    if wanted.query:
        runs = runs.filter(Q(name__icontains=wanted.query) | Q(group__icontains=wanted.query))
    if wanted.state in State.values:
        runs = runs.filter(job__state=wanted.state)
    runs = runs.order_by(SORTS.get(wanted.sort, "-id"), "-id")
    return Paginator(runs, PAGE_SIZE).get_page(wanted.page)


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
