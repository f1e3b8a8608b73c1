"""Answers to questions that a program asks, judged by its verifier, level by level."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import chimera.typed
from eval_app.core.procedural_items import RIGHT, extracted, verdict
from eval_app.core.scorers.base import ACCURACY, SCORERS, Answer, Metric, Scored, Scorer

LEVELS = 10


@SCORERS.register("procedural")
class Procedural(Scorer):
    """Right only if the verifier gives full marks to what stands in `<answer>…</answer>`, or to the whole answer where
    there is no such tag; containing it is worth nothing (reasoning-gym, arXiv 2505.24760, gives .2 or so)."""

    title: ClassVar[str] = "Verified answers by level"
    metrics: ClassVar[tuple[Metric, ...]] = (
        ACCURACY,
        *(Metric(f"level_{level}", f"Accuracy at level {level}") for level in range(1, LEVELS + 1)),
    )

    class Config(chimera.typed.Config):
        pass

    def __init__(self, config: Config) -> None:
        self.config = config

    def score(self, item: Mapping[str, Any], target: int | str | list[str], answer: Answer) -> Scored:
        plain = {name: value for name, value in item.items() if value is not None}
        said = [extracted(text) for text in answer.texts]
        given = [verdict(plain, text) for text in said]
        share = sum(mark >= RIGHT for mark in given) / len(given)
        level = int(plain["level"]) + 1
        values = {
            metric.key: share if metric.key in ("accuracy", f"level_{level}") else None for metric in self.metrics
        }
        return Scored(values, {"level": level, "answers": said, "verifier": given})
