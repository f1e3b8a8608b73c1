"""One continuation that greedy decoding should give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import chimera.typed
from eval_app.core.scorers.base import ACCURACY, CORRECT_ANSWER_LOSS, SCORERS, Answer, Metric, Scored, Scorer


@SCORERS.register("continuation")
class Continuation(Scorer):
    """All or nothing: every token of the continuation must be the likeliest one (llm-foundry's LM accuracy,
    as LAMBADA is scored: arXiv 1606.06031)."""

    title: ClassVar[str] = "The continuation"
    metrics: ClassVar[tuple[Metric, ...]] = (ACCURACY, CORRECT_ANSWER_LOSS)

    class Config(chimera.typed.Config):
        pass

    def __init__(self, config: Config) -> None:
        self.config = config

    def score(self, item: Mapping[str, Any], target: int | str | list[str], answer: Answer) -> Scored:
        loss = -answer.loglikelihoods[0] / max(answer.tokens[0], 1)
        return Scored({"accuracy": float(answer.greedy[0]), "correct_answer_loss": loss})
