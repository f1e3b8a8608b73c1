"""The tasks of one report, a row each, ready to be read: score with interval beside chance, loss, what was read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eval_app.core.task_scores import centered
from eval_app.models import EvalReport, Score


@dataclass(frozen=True)
class TaskLine:
    """One task of a report. `others` are its further metrics; `share`: the main one can be drawn from 0 to 1."""

    task: str
    title: str
    main: Score
    loss: Score | None
    centered: float | None
    share: bool
    others: list[Score]
    asked: int
    present: int
    cut: dict[str, int]

    @property
    def num_cut(self) -> int:
        """Items that were longer than the model's context; `cut` has them by what is missing."""
        return sum(self.cut.values())


def task_lines(report: EvalReport) -> list[TaskLine]:
    """In the order in which they were run."""
    facts = {each["task"]: each for each in report.manifest.get("tasks", [])}
    by_task: dict[str, list[Score]] = {}
    for score in report.task_scores.all():
        by_task.setdefault(score.task, []).append(score)
    return [_line(task, scores, facts.get(task, {})) for task, scores in by_task.items()]


def _line(task: str, scores: list[Score], facts: dict[str, Any]) -> TaskLine:
    main = next((score for score in scores if score.main), scores[0])
    loss = next((score for score in scores if score.metric == "correct_answer_loss"), None)
    return TaskLine(
        task=task,
        title=str(facts.get("title") or task),
        main=main,
        loss=loss,
        centered=None if main.chance is None else centered(main.value, main.chance),
        share=is_share(main),
        others=[score for score in scores if score not in (main, loss)],
        asked=facts.get("asked", main.n),
        present=facts.get("present", main.n),
        cut=facts.get("cut", {}),
    )


def is_share(score: Score) -> bool:
    """Whether a score can be drawn from 0 to 1."""
    return bool(not score.unit and score.higher_is_better and score.low >= 0 and score.high <= 1)
