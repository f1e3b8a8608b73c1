"""The kind `edit-plan`: the schedule of a run with another order from some row on (pure)."""

from __future__ import annotations

from dataclasses import dataclass

from chimera.artefacts import Stored
from chimera.context import Context
from chimera.errors import InputError, Problem
from curriculum_app.core.adaptive.policy import AdaptivePolicy
from curriculum_app.core.plan_edit import PlanEdit, edited
from curriculum_app.core.policies.base import Policy
from training_app.core.configs_edit_plan import EditPlanConfig


@dataclass(frozen=True)
class EditedPlan:
    """A stored `Schedule` that begins as the one before."""

    stored: Stored


def run(config: EditPlanConfig, ctx: Context) -> EditedPlan:
    """Order what is left by the policy.

    Raises:
        InputError: the policy decides during a run, does not fit these sequences, or nothing is left.
    """
    assert config.schedule is not None  # `complete` has named it
    policy: Policy = config.policy.build()
    if isinstance(policy, AdaptivePolicy):
        message = "this policy decides during the run and cannot take over a plan in the middle"
        raise InputError(Problem(message, field="policy.key", hint="choose one that plans, or start a run of its own"))
    schedule = ctx.open(config.schedule)
    table = schedule.open_sequences(ctx.store)
    policy.prepare(str(table.manifest["dataset"]), ctx.open)
    ctx.progress(0, 1, "plans", f"ordering {len(schedule.rows) - config.first_row:,} rows")
    chosen = {"key": config.policy.key, "config": config.policy.config}
    stored = edited(PlanEdit(schedule, table, config.first_row, policy, chosen, config.seed), ctx.store)
    ctx.progress(1, 1, "plans")
    return EditedPlan(stored)
