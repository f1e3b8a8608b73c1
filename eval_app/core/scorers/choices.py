"""One right option among several, by log-likelihood."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

import chimera.typed
from eval_app.core.scorers.base import ACCURACY, CORRECT_ANSWER_LOSS, SCORERS, Answer, Metric, Scored, Scorer


@SCORERS.register("choices")
class Choices(Scorer):
    """Accuracy and loss of the right answer.

    The option is chosen by log-likelihood per token (lowest perplexity, the first on ties) as llm-foundry and DCLM do
    (arXiv 2406.11794), or as lm-eval's `acc` and `acc_norm` do.
    """

    title: ClassVar[str] = "One right option"
    metrics: ClassVar[tuple[Metric, ...]] = (
        ACCURACY,
        CORRECT_ANSWER_LOSS,
        Metric("acc", "lm-eval's acc"),
        Metric("acc_norm", "lm-eval's acc_norm"),
    )

    class Config(chimera.typed.Config):
        by: Literal["token", "sum", "character"] = Field(
            "token", title="Options are compared by", description="Log-likelihood per token, whole, or per character"
        )

    def __init__(self, config: Config) -> None:
        self.config = config

    def score(self, item: Mapping[str, Any], target: int | str | list[str], answer: Answer) -> Scored:
        right = int(target)  # type: ignore[arg-type]
        whole = np.array(answer.loglikelihoods)
        by = {
            "sum": whole,
            "token": whole / np.array(answer.tokens),
            "character": whole / np.array([max(len(option), 1) for option in answer.options]),
        }
        chosen = {name: int(np.argmax(values)) for name, values in by.items()}
        values: dict[str, float | None] = {
            "accuracy": float(chosen[self.config.by] == right),
            "correct_answer_loss": -float(by["token"][right]),
            "acc": float(chosen["sum"] == right),
            "acc_norm": float(chosen["character"] == right),
        }
        return Scored(values, {"right": right, "chosen": chosen[self.config.by]})
