"""Runs of a study whose plan somebody edited while they were under way, and what their arms were shown after all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from eval_app.core.configs_study import StudyConfig
from eval_app.models import Study
from eval_app.selectors.study_runs import cell_of
from training_app.models import PlanEdit, TrainingRun


@dataclass(frozen=True)
class EditedRun:
    """One edit that a run has followed: after which step, and the plan it has had since."""

    arm: str
    seed: int
    run: TrainingRun
    step: int
    plan: str


def edited_runs(study: Study) -> list[EditedRun]:
    """Every edit that a run of the study has followed, by run, the oldest first."""
    made = PlanEdit.objects.filter(run__job__parent=study.job_id, state=PlanEdit.State.MADE)
    rows = made.select_related("run__job", "schedule__curriculum").order_by("run", "pk")
    return [EditedRun(*cell_of(row.run.job), row.run, row.step or 0, row.schedule.curriculum.label) for row in rows]


def as_it_went(study: Study) -> dict[str, Any]:
    """The frozen config; arms with edited runs name the schedules that their runs followed in the end.

    An edit keeps what was shown before it, so training on such a schedule from the start gives the same run. Arms of
    which not every seed was run keep their policy: an arm has a ready schedule for each seed or none.
    """
    frozen: dict[str, Any] = study.job.config
    edited = {each.arm for each in edited_runs(study)}
    if not edited:
        return frozen
    config = StudyConfig.model_validate(frozen)
    runs = TrainingRun.objects.filter(job__parent=study.job_id).select_related("job", "schedule")
    followed = {cell_of(run.job): run.schedule.uid for run in runs if run.schedule}
    return {**frozen, "arms": list(_with_schedules(config, edited, followed))}


def _with_schedules(
    config: StudyConfig, edited: set[str], followed: Mapping[tuple[str, int], str]
) -> Iterable[dict[str, Any]]:
    for arm in config.arms:
        source = config.trained_as(arm).name
        uids = [followed[source, seed] for seed in config.seeds if (source, seed) in followed]
        whole = len(uids) == len(config.seeds)
        changed = {"policy": None, "shuffled_of": "", "schedules": uids} if whole else {}
        yield arm.as_json() | (changed if edited & {source, arm.shuffled_of} else {})
