"""Config of the job `measure` (it loads nothing heavy)."""

from __future__ import annotations

from dataclasses import replace
from typing import Self

from pydantic import Field, model_validator

from chimera.errors import NestedProblems, Problem
from chimera.refs import Ref
from chimera.typed import Config
from curriculum_app.core.dataset_version import DatasetVersion
from curriculum_app.core.measures.base import MeasureChoice

_DEFAULTS = (
    "length",
    "compression",
    "type_token_ratio",
    "mtld",
    "readability",
    "word_surprisal",
    "character_share",
    "stop_word_share",
)


def default_measures() -> list[MeasureChoice]:
    """Everything that needs no model."""
    zstd = MeasureChoice(key="compression", config={"codec": "zstd", "level": 3})
    return [
        *(MeasureChoice(key=key) for key in _DEFAULTS[:2]),
        zstd,
        *(MeasureChoice(key=key) for key in _DEFAULTS[2:]),
    ]


class MeasureConfig(Config):
    """Measure every document of a version; columns that an earlier job stored are taken over."""

    name: str = Field("columns", title="Name", min_length=1, max_length=120)
    dataset: Ref[DatasetVersion] = Field(title="Dataset version")
    measures: list[MeasureChoice] = Field(
        default_factory=default_measures,
        title="Measures",
        description="One column each. A column that was measured before, with these settings, is not measured again.",
        min_length=1,
    )
    workers: int = Field(2, title="Processes", description="For measures that ask no model.", ge=1, le=64)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        problems = [
            replace(problem, field=f"measures.{number}.config.{problem.field}")
            for number, choice in enumerate(self.measures)
            for problem in choice.build().problems()
        ]
        names = [choice.column for choice in self.measures]
        problems += [
            Problem("is there twice", f"measures.{number}", hint="change its settings or take it out")
            for number, name in enumerate(names)
            if name in names[:number]
        ]
        if problems:
            raise NestedProblems(problems)
        return self
