"""A generated answer that should begin with, or be, one of the right ones."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

import chimera.typed
from eval_app.core.scorers.base import ACCURACY, SCORERS, Answer, Metric, Scored, Scorer

_SPACES = str.maketrans(dict.fromkeys(string.punctuation, " "))


def normalised(text: str) -> str:
    """TriviaQA's normal form: lower case, punctuation and underscores to spaces, no articles, single spaces."""
    words = re.sub(r"\b(a|an|the)\b", " ", text.lower().translate(_SPACES))
    return " ".join(words.split())


@SCORERS.register("exact_match")
class ExactMatch(Scorer):
    """Right if the answer's normal form begins with (llm-foundry) or equals that of any accepted answer
    (TriviaQA, arXiv 1705.03551)."""

    title: ClassVar[str] = "Generated answer"
    metrics: ClassVar[tuple[Metric, ...]] = (ACCURACY,)

    class Config(chimera.typed.Config):
        match: Literal["start", "whole"] = Field("start", title="Match", description="The start of the answer, or all")

    def __init__(self, config: Config) -> None:
        self.config = config

    def score(self, item: Mapping[str, Any], target: int | str | list[str], answer: Answer) -> Scored:
        accepted = [normalised(str(each)) for each in (target if isinstance(target, list) else [target])]
        shares = [float(self._right(normalised(text), accepted)) for text in answer.texts]
        return Scored({"accuracy": sum(shares) / len(shares)})

    def _right(self, given: str, accepted: list[str]) -> bool:
        if self.config.match == "whole":
            return given in accepted
        return any(each and given.startswith(each) for each in accepted)
