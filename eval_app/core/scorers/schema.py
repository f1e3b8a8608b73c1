"""One ending after several beginnings: the beginning that makes it likeliest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

import chimera.typed
from eval_app.core.scorers.base import ACCURACY, CORRECT_ANSWER_LOSS, SCORERS, Answer, Metric, Scored, Scorer


@SCORERS.register("schema")
class Schema(Scorer):
    """Winograd schemas: the options are contexts, the continuation is one (Trinh and Le, arXiv 1806.02847, partial
    scoring); the context with the lowest perplexity of the continuation is chosen, the first on ties (llm-foundry)."""

    title: ClassVar[str] = "One right beginning"
    metrics: ClassVar[tuple[Metric, ...]] = (ACCURACY, CORRECT_ANSWER_LOSS)

    class Config(chimera.typed.Config):
        pass

    def __init__(self, config: Config) -> None:
        self.config = config

    def score(self, item: Mapping[str, Any], target: int | str | list[str], answer: Answer) -> Scored:
        right = int(target)  # type: ignore[arg-type]
        per_token = np.array(answer.loglikelihoods) / np.array(answer.tokens)
        chosen = int(np.argmax(per_token))
        values: dict[str, float | None] = {
            "accuracy": float(chosen == right),
            "correct_answer_loss": -float(per_token[right]),
        }
        return Scored(values, {"right": right, "chosen": chosen})
