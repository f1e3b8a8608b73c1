"""What the runs of a study have left, as their repetition is compared with it."""

from __future__ import annotations

from chimera.projects.access import Actor
from chimera.projects.models import Membership, Role
from eval_app.core.reproduction import Trace
from eval_app.models import Study
from eval_app.selectors.edited_runs import edited_runs
from eval_app.selectors.studies import study_config
from eval_app.selectors.study_runs import study_averages, study_runs
from training_app.models import TrainingRun
from training_app.selectors.history import histories

HELD_OUT = "held_out/"


def traces(study: Study) -> list[Trace]:
    """Every run with its loss and its held-out curves, whole; averaged checkpoints by the digest of their weights."""
    runs = study_runs(study, study_config(study))
    keys = sorted({"loss", *(key for run in runs for key in run.run.latest if key.startswith(HELD_OUT))})
    found = histories(_reader(study), [run.run for run in runs], keys)
    edits: dict[int, list[int]] = {}
    for each in edited_runs(study):
        edits.setdefault(each.run.pk, []).append(each.step)
    whole = [
        Trace(
            run.name,
            {key: series for key, series in found[run.run.pk].series.items() if len(series)},
            run.digests,
            run.circumstances,
            _events(run.run, edits),
        )
        for run in runs
    ]
    averages = study_averages(study).items()
    return [*whole, *(Trace(f"{name}, averaged", {}, {"final weights": digest}) for name, digest in averages)]


def _reader(study: Study) -> Actor:
    """Somebody who may read the project: a job is concluded by no user."""
    member = Membership.objects.filter(project=study.project_id).select_related("user", "project").order_by("pk")[0]
    return Actor(member.user, member.project, Role.VIEWER)


def _events(run: TrainingRun, edits: dict[int, list[int]]) -> list[str]:
    events = [f"its plan was edited after step {step}" for step in edits.get(run.pk, [])]
    if run.job.attempt > 1:
        events.append(f"resumed, attempt {run.job.attempt}")
    return events
