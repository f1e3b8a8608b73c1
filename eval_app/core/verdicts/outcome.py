"""The outcome that a study names before it starts: a metric and which way is better (pure)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from chimera.typed import Config

HELD_OUT = "held_out/"
MACRO = "held_out/macro"


class Outcome(Config):
    """One number of a run. A text alone names the metric, of which less is better."""

    metric: str = Field(
        MACRO,
        title="Metric",
        description="held_out/macro: bits per byte, mean over domains. held_out/code: of one domain. "
        "Or the name of any number that every run, or its evaluation, ends with.",
        min_length=1,
        max_length=200,
    )
    better: Literal["lower", "higher"] = Field("lower", title="Better is")

    @model_validator(mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        return {"metric": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _possible(self) -> Outcome:
        if self.is_held_out and self.better != "lower":
            raise ValueError(f"of {self.metric}, bits per byte, less is better")
        return self

    @property
    def is_held_out(self) -> bool:
        return self.metric.startswith(HELD_OUT)

    @property
    def domain(self) -> str:
        """The held-out domain it speaks of; the metric itself where it is of another kind."""
        return self.metric.removeprefix(HELD_OUT)

    @property
    def unit(self) -> str:
        return "bits per byte" if self.is_held_out else self.metric

    @property
    def words(self) -> str:
        """As a page says it."""
        if self.metric == MACRO:
            return "macro mean of held-out bits per byte (lower is better)"
        of = f"held-out bits per byte of {self.domain}" if self.is_held_out else self.metric
        return f"{of} ({self.better} is better)"

    @property
    def sign(self) -> int:
        """1 where less is better, -1 where more is: a difference times it is below zero when it is a gain."""
        return 1 if self.better == "lower" else -1
