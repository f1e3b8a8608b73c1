"""Scores of the checkpoints that a run has kept, over the tokens it had seen."""

from __future__ import annotations

from dataclasses import dataclass

from eval_app.core.task_scores import TaskScore
from eval_app.models import Score
from eval_app.selectors.task_report import is_share
from training_app.models import TrainingRun


@dataclass(frozen=True)
class TaskCurve:
    """The main metric of one task, a score for each checkpoint, by tokens. `share`: it can be drawn from 0 to 1."""

    task: str
    title: str
    tokens: list[int]
    scores: list[TaskScore]
    share: bool


def task_curves(run: TrainingRun) -> list[TaskCurve]:
    """Every task that a checkpoint of the run was asked; of two reports on one checkpoint the newer counts."""
    scores = Score.objects.filter(report__checkpoint__run=run, main=True).select_related("report__checkpoint")
    by_task: dict[str, dict[int, Score]] = {}
    for score in scores.order_by("report__checkpoint__tokens", "report_id"):
        by_task.setdefault(score.task, {})[score.report.checkpoint_id] = score
    return [_curve(task, list(found.values())) for task, found in sorted(by_task.items())]


def _curve(task: str, rows: list[Score]) -> TaskCurve:
    tokens = [row.report.checkpoint.tokens for row in rows]
    scores = [TaskScore.model_validate({name: getattr(row, name) for name in TaskScore.model_fields}) for row in rows]
    titles = {each["task"]: each.get("title") for each in rows[-1].report.manifest.get("tasks", [])}
    return TaskCurve(task, titles.get(task) or task, tokens, scores, is_share(rows[-1]))
