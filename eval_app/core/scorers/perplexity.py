"""A whole text, token by token."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import chimera.typed
from eval_app.core.scorers.base import SCORERS, Answer, Metric, Scored, Scorer


@SCORERS.register("perplexity")
class Perplexity(Scorer):
    """Bits per byte of the text (ΣNLL / (ln 2 · Σbytes); The Pile, arXiv 2101.00027, 3.1)."""

    title: ClassVar[str] = "Bits per byte"
    metrics: ClassVar[tuple[Metric, ...]] = (Metric("bits_per_byte", "Bits per byte", False, False, "bits per byte"),)

    class Config(chimera.typed.Config):
        pass

    def __init__(self, config: Config) -> None:
        self.config = config

    def score(self, item: Mapping[str, Any], target: int | str | list[str], answer: Answer) -> Scored:
        n_bytes = len(answer.options[0].encode())
        return Scored({"bits_per_byte": -answer.loglikelihoods[0] / (math.log(2) * n_bytes)}, {"bytes": n_bytes})
