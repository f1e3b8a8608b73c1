"""The two numbers of a suite: the mean of centered accuracy, and the mean loss of the right answer (pure).

Centered accuracy and its plain mean: DCLM (arXiv 2406.11794, section 3.4); a task that cannot be guessed is centered at
0. Both say over how many of the suite's tasks they go: means over other tasks are not comparable.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from chimera.typed import Config
from eval_app.core.task_scores import TaskScore, centered
from eval_app.core.tasks.bundled import Suite


class SuiteMean(Config):
    """One mean: over the tasks `over`, of the `of` that the suite has for it."""

    title: str
    value: float
    over: list[str]
    of: int


def suite_means(suite: Suite, scores: Sequence[TaskScore]) -> dict[str, SuiteMean]:
    """`centered` and `correct_answer_loss`; a mean over no task is left out, and so are both of suites without means.

    Accuracies .4375 and .5 at chance .25 and .5 have the centered mean .125.
    """
    if not suite.means:
        return {}
    accuracy = {s.task: centered(s.value, s.chance or 0.0) for s in scores if s.metric == "accuracy"}
    loss = {s.task: s.value for s in scores if s.metric == "correct_answer_loss"}
    counted = [task for task in suite.tasks if task not in suite.not_in_loss]
    found = {
        "centered": _mean("Centered accuracy", accuracy, suite.tasks),
        "correct_answer_loss": _mean("Loss of the right answer", loss, counted),
    }
    return {key: mean for key, mean in found.items() if mean is not None}


def _mean(title: str, values: dict[str, float], tasks: Sequence[str]) -> SuiteMean | None:
    over = [task for task in tasks if task in values]
    if not over:
        return None
    return SuiteMean(title=title, value=math.fsum(values[task] for task in over) / len(over), over=over, of=len(tasks))
