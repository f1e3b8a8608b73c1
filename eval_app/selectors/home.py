"""What Home shows: each stage of the flywheel with its state, and the next sensible step."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse

from chimera.jobs.models import Job, State
from chimera.projects.access import Actor
from curriculum_app.models import Curriculum, DatasetVersion, SequenceSet
from eval_app.models import Study
from training_app.models import TrainingRun

ACTIVE = (State.QUEUED, State.RUNNING, State.PAUSED, State.CANCELLING)


@dataclass(frozen=True)
class Stage:
    """One box of the flywheel. `state` is empty, running, ready or failed."""

    title: str
    state: str
    count: int
    noun: str
    latest: str
    href: str


@dataclass(frozen=True)
class Step:
    """The next sensible thing to do, as one sentence and one link."""

    text: str
    href: str
    label: str


def stages(actor: Actor) -> list[Stage]:
    """The flywheel's stages in the order in which data walks through them."""
    project = actor.project
    active = set(Job.objects.filter(project=project, state__in=ACTIVE).values_list("kind", flat=True))
    datasets = DatasetVersion.objects.filter(project=project, deleted_at=None)
    rows = [
        ("Sources", "import", datasets.filter(stage="raw"), "import", "data"),
        ("Curation", "curate", datasets.filter(stage="curated"), "version", "data"),
        ("Grouping", "group", SequenceSet.objects.filter(project=project), "sequence set", "data"),
        ("Curricula", "schedule", Curriculum.objects.filter(project=project), "curriculum", "curricula"),
        ("Training", "train", TrainingRun.objects.filter(project=project), "run", "runs"),
        ("Studies", "study", Study.objects.filter(project=project), "study", "studies"),
    ]
    return [_stage(title, kind in active, query, noun, reverse(url)) for title, kind, query, noun, url in rows]


def _stage(title: str, running: bool, query: object, noun: str, href: str) -> Stage:
    count = query.count()  # type: ignore[attr-defined]
    latest = query.order_by("-pk").first() if count else None  # type: ignore[attr-defined]
    state = "running" if running else ("ready" if count else "empty")
    return Stage(title, state, count, noun if count == 1 else _PLURALS.get(noun, f"{noun}s"), str(latest or ""), href)


_PLURALS = {"curriculum": "curricula", "study": "studies"}


def starter_job(actor: Actor) -> Job | None:
    """The newest starter study of the project, if one was started."""
    return Job.objects.filter(project=actor.project, kind="starter").order_by("-pk").first()


def latest_study(actor: Actor) -> Study | None:
    return Study.objects.filter(project=actor.project).select_related("job").order_by("-pk").first()


@dataclass(frozen=True)
class PipelineStep:
    """A step of the running starter study: its jobs, how many have finished, and the page to look at."""

    title: str
    state: str
    done: int
    total: int
    href: str
    message: str


_PIPELINE = (
    ("Import", ("import",)),
    ("Curate", ("curate",)),
    ("Group", ("group",)),
    ("Schedule", ("schedule",)),
    ("Train and evaluate", ("train",)),
    ("Verdict", ("study",)),
)


def pipeline(starter: Job) -> list[PipelineStep]:
    """The starter study as six steps with their progress."""
    children = list(starter.children.all())
    study = next((child for child in children if child.kind == "study"), None)
    jobs = children + (list(study.children.all()) if study else [])
    return [_pipeline_step(title, [job for job in jobs if job.kind in kinds]) for title, kinds in _PIPELINE]


def _pipeline_step(title: str, jobs: list[Job]) -> PipelineStep:
    done = sum(job.state == State.SUCCEEDED for job in jobs)
    running = next((job for job in jobs if job.state == State.RUNNING), None)
    failed = next((job for job in jobs if job.state == State.FAILED), None)
    shown = failed or running or (jobs[-1] if jobs else None)
    if failed:
        state = "failed"
    elif jobs and done == len(jobs):
        state = "succeeded"
    else:
        state = "running" if running or done else ("queued" if jobs else "waiting")
    href = reverse("job-detail", args=[shown.pk]) if shown else ""
    return PipelineStep(title, state, done, len(jobs), href, shown.message if shown and shown is running else "")


def next_step(actor: Actor) -> Step | None:
    """The next sensible step after what the project already has; None while the starter study is the offer."""
    study = latest_study(actor)
    if study is not None and study.verdict is not None:
        return Step(f"“{study.name}” has its verdict.", reverse("study-detail", args=[study.pk]), "Read the verdict")
    if study is not None:
        return Step(f"“{study.name}” is on its way.", reverse("study-detail", args=[study.pk]), "Watch the study")
    starter = starter_job(actor)
    if starter is not None and not starter.finished:
        return Step("The starter study is on its way.", reverse("job-detail", args=[starter.pk]), "Watch its jobs")
    if SequenceSet.objects.filter(project=actor.project).exists():
        return Step("Sequences are ready to be compared.", reverse("job-new", args=["study"]), "Design a study")
    datasets = DatasetVersion.objects.filter(project=actor.project, deleted_at=None)
    curated = datasets.filter(stage="curated").exists()
    if curated:
        return Step("A curated version is ready to be grouped.", reverse("job-new", args=["group"]), "Group it")
    if datasets.exists():
        return Step("Documents are imported and wait for curation.", reverse("job-new", args=["curate"]), "Curate them")
    return None
