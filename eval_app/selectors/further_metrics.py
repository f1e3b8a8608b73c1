"""What a report says beside the main score of each task: every further metric with its title and interval."""

from __future__ import annotations

from dataclasses import dataclass

from eval_app.models import EvalReport, Score

SHOWN_ELSEWHERE = {"correct_answer_loss", "acc", "acc_norm"}  # the loss has a column; lm-eval's two are the same again


@dataclass(frozen=True)
class FurtherMetric:
    """One number. `task` is empty where it is that of the line before."""

    task: str
    title: str
    score: Score


def further_metrics(report: EvalReport) -> list[FurtherMetric]:
    """In the order of the tasks and of their scorers."""
    facts = {each["task"]: each for each in report.manifest.get("tasks", [])}
    found: list[FurtherMetric] = []
    last = ""
    for score in report.task_scores.all():
        if score.main or score.metric in SHOWN_ELSEWHERE:
            continue
        of_task = facts.get(score.task, {})
        task = "" if score.task == last else str(of_task.get("title", score.task))
        found.append(FurtherMetric(task, str(of_task.get("metrics", {}).get(score.metric, score.metric)), score))
        last = score.task
    return found
