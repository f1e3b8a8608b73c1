"""Config of the kind `edit-plan` (torch-free)."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from chimera.refs import Ref
from chimera.typed import Config
from curriculum_app.core.configs_order import PolicyChoice
from curriculum_app.core.schedule import Schedule

FILLED_IN: dict[str, Any] = {"filled_in": True}  # from the run, when the job is asked for: no field of the form


class EditPlanConfig(Config):
    """Another order for what a run has not been shown yet. The past stays as it is."""

    name: str = Field(min_length=1, max_length=120, title="Name", description="of the curriculum this makes")
    run: str = Field(
        pattern=r"^run-[1-9][0-9]{0,17}$", title="Run", description="such as run-3; it may be under way or paused"
    )
    from_step: int = Field(
        0, ge=0, title="From step", description="the first step of the new order; 0: as soon as the run can follow"
    )
    policy: PolicyChoice = Field(title="Policy", description="orders the sequences that are left")
    seed: int = Field(0, title="Order seed", ge=0, le=2**31 - 1)
    schedule: Ref[Schedule] | None = Field(
        None, title="Schedule", json_schema_extra=FILLED_IN, description="the run's own at that time; leave it out"
    )
    first_row: int = Field(
        0, ge=0, title="First row", json_schema_extra=FILLED_IN, description="of the schedule; leave it out"
    )
