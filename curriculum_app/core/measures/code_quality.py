"""How well a Python source file is kept, by `ast` and ruff: the attributes of the blueprint's Code-Pro subset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import Field

import chimera.typed
from curriculum_app.core.code_quality import CodeFacts, facts_of, lint, score
from curriculum_app.core.documents import Document
from curriculum_app.core.measures.base import MEASURES, Direction, Measure
from curriculum_app.core.mixture_curve import Float

Attribute = Literal["score", "parses", "documented", "annotated", "tests", "complexity", "findings"]
UNITS: dict[Attribute, str] = {
    "score": "points of 5",
    "parses": "0 or 1",
    "documented": "share",
    "annotated": "share",
    "tests": "functions",
    "complexity": "McCabe",
    "findings": "per 100 lines",
}


@MEASURES.register("code_quality")
class CodeQuality(Measure):
    """Points of Chimera's own score for source code, or one of the attributes behind it; Python only.

    The score has a point each for functions of at most 80 lines, half of the public definitions documented, half of
    the parameters and returns annotated, a test, and at most one finding of ruff in 100 lines; 4 is gold standard.
    `complexity` is McCabe's number (1976) of the worst function. Documents that are not source code have no value.
    """

    title = "Code quality"

    class Config(chimera.typed.Config):
        of: Attribute = Field("score", title="Attribute")

    def __init__(self, config: Config) -> None:
        self.config = config
        self.unit = UNITS[config.of]
        worse = config.of in ("complexity", "findings")
        self.direction: Direction = "harder" if worse else "better"

    def values(self, documents: Sequence[Document]) -> Float:
        values = np.full(len(documents), np.nan)
        places = [place for place, document in enumerate(documents) if document.content == "code"]
        sources = [documents[place].text for place in places]
        findings = lint(sources) if self.config.of in ("score", "findings") else [0] * len(sources)
        for place, source, found in zip(places, sources, findings, strict=True):
            values[place] = self._value(facts_of(source), found)
        return values

    def _value(self, facts: CodeFacts, findings: int) -> float:
        attributes: dict[Attribute, float | None] = {
            "score": score(facts, findings),
            "parses": facts.parses,
            "documented": facts.documented,
            "annotated": facts.annotated,
            "tests": facts.tests,
            "complexity": facts.most_complex,
            "findings": 100 * findings / facts.lines,
        }
        value = attributes[self.config.of]
        return float("nan") if value is None else float(value)
