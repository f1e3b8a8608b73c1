"""Configs of the kinds `dry-run` and `dry-run-schedule` (pure)."""

from __future__ import annotations

from pydantic import Field, model_validator

from chimera.refs import Ref
from chimera.typed import Config
from curriculum_app.core.configs_order import ScheduleConfig
from curriculum_app.core.schedule import Schedule


class Bound(Config):
    """A group's smallest and largest share of all tokens that are shown."""

    grouping: str = Field("domain", title="Grouping", min_length=1)
    group: str = Field(title="Group", min_length=1)
    least: float = Field(0.0, title="Smallest share", ge=0.0, le=1.0)
    most: float = Field(1.0, title="Largest share", ge=0.0, le=1.0)

    @model_validator(mode="after")
    def _in_order(self) -> Bound:
        if self.least > self.most:
            raise ValueError(f"the smallest share {self.least:g} is above the largest share {self.most:g}")
        return self


BOUNDS = "Shares that are to be kept; what breaks them is marked."


class DryRunConfig(ScheduleConfig):
    """Plan a schedule, look at what it would show, and store nothing."""

    bounds: list[Bound] = Field(default_factory=list, title="Bounds", description=BOUNDS, max_length=200)


class DryRunScheduleConfig(Config):
    """Look at what an existing schedule shows."""

    schedule: Ref[Schedule] = Field(title="Schedule")
    bounds: list[Bound] = Field(default_factory=list, title="Bounds", description=BOUNDS, max_length=200)
