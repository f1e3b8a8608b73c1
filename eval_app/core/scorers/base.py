"""What a scorer is, what it is given, and the registry of scorers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from chimera.registry import Choice, Registry


@dataclass(frozen=True)
class Answer:
    """What a model gave for one item.

    Of choices or one continuation: by option its text, log-likelihood (nats), number of tokens, whether greedy
    decoding would have said it. Of generated text: `texts`, one per repeat, after the task's filters; `raw` before.
    """

    options: list[str] = field(default_factory=list)
    loglikelihoods: list[float] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    greedy: list[bool] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    raw: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Metric:
    """One number of a scorer. `share` is true of what is 0, 1 or between: those get Wilson intervals and may have a
    level of chance. `unit` is empty for shares."""

    key: str
    title: str
    higher_is_better: bool = True
    share: bool = True
    unit: str = ""


ACCURACY = Metric("accuracy", "Accuracy")
CORRECT_ANSWER_LOSS = Metric("correct_answer_loss", "Loss of the right answer", False, False, "nats per token")


@dataclass(frozen=True)
class Scored:
    """Numbers by metric key (None: no number for this item), and what a reader of the item wants to know."""

    values: dict[str, float | None]
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Across:
    """A number over all items together that is no mean over items, with its 95 % interval and the items it rests on."""

    metric: Metric
    value: float
    low: float
    high: float
    n: int


class Scorer:
    """How one item is scored. `metrics[0]` is the main one. `target` is the gold answer: an index or texts."""

    title: ClassVar[str]
    metrics: ClassVar[tuple[Metric, ...]]

    def lacking(self) -> str:
        """Why nothing can be scored on this machine, empty if it can: asked before the model is."""
        return ""

    def prepare(self, asked: Iterable[tuple[Mapping[str, Any], Answer]]) -> None:
        """Called once before the items of a task are scored: for what is quicker done for all of them together."""

    def across(self, values: Sequence[Mapping[str, float | None]]) -> list[Across]:
        """Further numbers, from the values of all items."""
        return []

    def score(self, item: Mapping[str, Any], target: int | str | list[str], answer: Answer) -> Scored:
        """The numbers of one item. Pure: equal arguments give equal numbers."""
        raise NotImplementedError


SCORERS: Registry[Scorer] = Registry("scorer", "eval_app.core.scorers")


class ScorerChoice(Choice):
    """A scorer with its settings, as a task names it."""

    @classmethod
    def registry(cls) -> Registry[Any]:
        return SCORERS
