"""From items to the score of a task: mean, interval, chance (pure)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats

from chimera.typed import Config
from curriculum_app.core.intervals import wilson
from eval_app.core.item_results import ItemResult
from eval_app.core.scorers.base import Across, Metric
from eval_app.core.tasks.definition import TaskDefinition


class TaskScore(Config):
    """One metric of one task. [`low`, `high`]: 95 % interval over items; `n` items gave a number.

    `chance` is set for shares of tasks that can be guessed; `centered` = (value − chance) / (1 − chance) (DCLM, arXiv
    2406.11794, section 3.4). `contaminated` items stand in the training data (None: not checked); without them the
    value is `unread`, with its own interval, and None if none is left.
    """

    task: str
    metric: str
    value: float
    low: float
    high: float
    n: int
    higher_is_better: bool
    main: bool = False
    unit: str = ""
    chance: float | None = None
    contaminated: int | None = None
    unread: float | None = None
    unread_low: float | None = None
    unread_high: float | None = None

    @property
    def at_chance(self) -> bool:
        """The interval holds what guessing gives."""
        return self.chance is not None and self.low <= self.chance <= self.high

    @property
    def centered(self) -> float | None:
        return None if self.chance is None else centered(self.value, self.chance)


def centered(accuracy: float, chance: float) -> float:
    """0 at chance, 1 if all is right. (0.4375, 0.25) gives 0.25; below chance it is negative."""
    return (accuracy - chance) / (1 - chance)


def scores_of(definition: TaskDefinition, metrics: Sequence[Metric], results: Sequence[ItemResult]) -> list[TaskScore]:
    """Every metric that at least one item has a number for."""
    scores = (_score(definition, metric, results, main=place == 0) for place, metric in enumerate(metrics))
    return [score for score in scores if score is not None]


def _score(
    definition: TaskDefinition, metric: Metric, results: Sequence[ItemResult], *, main: bool
) -> TaskScore | None:
    pairs = [(result.values.get(metric.key), result.contaminated) for result in results]
    finite = [(value, read) for value, read in pairs if value is not None and math.isfinite(value)]
    if not finite:
        return None
    values = [value for value, _ in finite]
    low, high = interval(values, share=metric.share)
    return TaskScore(
        task=definition.task,
        metric=metric.key,
        value=math.fsum(values) / len(values),
        low=low,
        high=high,
        n=len(values),
        higher_is_better=metric.higher_is_better,
        main=main,
        unit=metric.unit,
        chance=definition.metadata.chance if metric.share else None,
        **_without_read(finite, share=metric.share),
    )


def _without_read(pairs: Sequence[tuple[float, bool | None]], *, share: bool) -> dict[str, Any]:
    """The score over the items that are not in the training data."""
    if any(read is None for _, read in pairs):
        return {}
    clean = [value for value, read in pairs if not read]
    found: dict[str, Any] = {"contaminated": len(pairs) - len(clean)}
    if clean:
        low, high = interval(clean, share=share)
        found |= {"unread": math.fsum(clean) / len(clean), "unread_low": low, "unread_high": high}
    return found


def score_across(definition: TaskDefinition, across: Across) -> TaskScore:
    """A number over all items together."""
    return TaskScore(
        task=definition.task,
        metric=across.metric.key,
        value=across.value,
        low=across.low,
        high=across.high,
        n=across.n,
        higher_is_better=across.metric.higher_is_better,
        unit=across.metric.unit,
    )


def interval(values: Sequence[float], *, share: bool, alpha: float = 0.05) -> tuple[float, float]:
    """Wilson's for shares whose values are all 0 or 1, else Student's t of the mean; one value has no interval."""
    n, mean = len(values), math.fsum(values) / len(values)
    if share and all(value in (0.0, 1.0) for value in values):
        return wilson(round(math.fsum(values)), n, alpha)
    if n < 2:
        return mean, mean
    half = float(stats.t.isf(alpha / 2, n - 1)) * float(np.std(values, ddof=1)) / math.sqrt(n)
    return mean - half, mean + half
