"""The kinds `dry-run` and `dry-run-schedule`: what an order would show, before anything is trained (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chimera.context import Context
from chimera.errors import InputError, Problem
from curriculum_app.core.adaptive.policy import AdaptivePolicy
from curriculum_app.core.configs_dry_run import Bound, DryRunConfig, DryRunScheduleConfig
from curriculum_app.core.dry_run import Planned, dry_run
from curriculum_app.core.jobs.schedule import ordered, prepared, requested
from curriculum_app.core.schedule import Schedule


@dataclass(frozen=True)
class DryRunResult:
    """The report as JSON; nothing is stored."""

    report: dict[str, Any]


def run(config: DryRunConfig, ctx: Context) -> DryRunResult:
    """Plan what a schedule of the same settings would be and report on it.

    Raises:
        InputError: what a schedule of these settings would be refused for, a bound of an unknown group, or a policy
            that has no order before the run.
    """
    table = ctx.open(config.sequences)
    policy = prepared(config, table, ctx)
    if isinstance(policy, AdaptivePolicy):
        message = f"{policy.title} decides during the run, so there is no order to look at before"
        raise InputError(Problem(message, "policy", hint="its preview shows what it chooses from"))
    plan = ordered(policy, requested(config, policy, table, ctx), ctx)
    order = Planned(table, plan.rows, plan.grouping, plan.curve, plan.adherence, plan.tracks.phases)
    return _report(order, config.bounds, ctx)


def run_schedule(config: DryRunScheduleConfig, ctx: Context) -> DryRunResult:
    """Report on a stored schedule.

    Raises:
        InputError: a bound of an unknown group, or a schedule of a policy that decides during the run.
    """
    schedule: Schedule = ctx.open(config.schedule)
    table, kept = schedule.open_sequences(ctx.store), schedule.manifest.get("adherence", {})
    order = Planned(table, schedule.rows, schedule.grouping_name, schedule.curve, kept, schedule.tracks.phases)
    return _report(order, config.bounds, ctx)


def _report(order: Planned, bounds: list[Bound], ctx: Context) -> DryRunResult:
    ctx.progress(2, 3, "steps", "counting")
    report = dry_run(order, bounds)
    ctx.progress(3, 3, "steps")
    ctx.log(f"{report['totals']['tokens']:,} tokens, {len(report['problems'])} to mend")
    return DryRunResult(report)
