"""The kind `schedule`: draw a pool, let a policy order it, store the order (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chimera.artefacts import Stored
from chimera.context import Context
from curriculum_app.core.adaptive.policy import GROUPING, AdaptivePolicy
from curriculum_app.core.already_made import key_of, make_once
from curriculum_app.core.configs_order import ScheduleConfig
from curriculum_app.core.plans import Plan, PlanRequest
from curriculum_app.core.policies.base import Policy
from curriculum_app.core.pool import Pool
from curriculum_app.core.schedule import Schedule, exposure, rows_of, save_adaptive, save_schedule
from curriculum_app.core.sequences import SequenceTable


@dataclass(frozen=True)
class ScheduleResult:
    """A stored `Schedule`."""

    stored: Stored


def run(config: ScheduleConfig, ctx: Context) -> ScheduleResult:
    """Order exactly `budget_tokens` tokens, or store what an adaptive policy will choose them from.

    The same settings on the same sequences are not run again.

    Raises:
        InputError: the budget is no multiple of the sequence length or larger than the corpus allows, or what the
            policy names does not belong to these sequences.
    """
    table = ctx.open(config.sequences)
    policy = prepared(config, table, ctx)
    settings = config.model_dump(mode="json", exclude={"name", "sequences"}) | {"meaning": policy.meaning()}

    def key() -> str | None:
        return key_of("schedule", {"settings": settings, "sequences": table.digest})

    return ScheduleResult(make_once(ctx, Schedule.ref_kind, key, lambda: _schedule(config, policy, table, ctx)))


def prepared(config: ScheduleConfig, table: SequenceTable, ctx: Context) -> Policy:
    """The policy of a config, ready to plan.

    Raises:
        InputError: what it names does not belong to these sequences.
    """
    policy: Policy = config.policy.build()
    policy.prepare(str(table.manifest["dataset"]), ctx.open)
    return policy


def requested(config: ScheduleConfig, policy: Policy, table: SequenceTable, ctx: Context) -> PlanRequest:
    """The pool of a config, to be ordered.

    Raises:
        InputError: the budget cannot be given.
    """
    ctx.progress(0, 3, "steps", "drawing the pool")
    pool = policy.pool(table, config.budget_tokens, config.pool_seed)
    ctx.check()
    return PlanRequest(table, pool, config.seed, config.budget_tokens)


def ordered(policy: Policy, request: PlanRequest, ctx: Context) -> Plan:
    """The order that a prepared policy makes."""
    ctx.progress(1, 3, "steps", f"ordering {len(request.pool.ids):,} sequences")
    plan = policy.plan(request)
    ctx.check()
    return plan


def _schedule(config: ScheduleConfig, policy: Policy, table: SequenceTable, ctx: Context) -> Stored:
    request = requested(config, policy, table, ctx)
    if isinstance(policy, AdaptivePolicy):
        return _candidates(config, policy, request, ctx)
    plan = ordered(policy, request, ctx)
    ctx.progress(2, 3, "steps", "storing")
    facts = {
        **_origin(config, request.pool),
        "grouping": plan.grouping,
        "curve": plan.curve.as_json(),
        "adherence": plan.adherence,
        "exposure": exposure(table, plan.rows),
        "tracks": plan.tracks.as_json(),
        "facts": plan.facts,
    }
    stored = save_schedule(ctx.store, table, plan.rows, facts)
    ctx.progress(3, 3, "steps")
    ctx.log(_summary(len(plan.rows), plan.adherence))
    return stored


def _candidates(config: ScheduleConfig, policy: AdaptivePolicy, request: PlanRequest, ctx: Context) -> Stored:
    """The schedule of a policy that decides during the run: what it chooses from."""
    table, pool = request.table, request.pool
    policy.chooser(table, pool.ids, config.seed)  # says now, not in the run, what it cannot do
    ctx.progress(2, 3, "steps", "storing")
    facts = {
        **_origin(config, pool),
        "grouping": GROUPING,
        "curve": policy.preview(request).as_json(),
        "exposure": exposure(table, rows_of(table, pool.ids)),
    }
    stored = save_adaptive(ctx.store, table, pool.ids, config.budget_tokens, facts)
    ctx.progress(3, 3, "steps")
    ctx.log(f"{len(pool.ids):,} candidates; {config.budget_tokens:,} tokens are chosen from them during the run")
    return stored


def _origin(config: ScheduleConfig, pool: Pool) -> dict[str, Any]:
    return {
        "policy": {"key": config.policy.key, "config": config.policy.config},
        "seed": config.seed,
        "pool": {"digest": pool.digest, "tokens": pool.tokens, "seed": config.pool_seed},
    }


def _summary(count: int, adherence: dict[str, Any]) -> str:
    said = (
        f"{count:,} rows ordered; never further than {adherence['max_deviation']:.2f} sequence lengths from the "
        f"plan (plain shuffles: {adherence['shuffle_max_deviation']:.1f})"
    )
    if adherence.get("mode") != "bounded":
        return said
    inexact = "every choice the best there was" if adherence["exact"] else "not every choice the best there was"
    return f"{said}; bounded search, {inexact}: {adherence['bounded_to_exact']:.2f} of the exact one's on a sample"
