"""Stretches of whole sequences one after the other, each in an order that has no curriculum of its own (pure)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np
from pydantic import Field

from chimera.errors import InputError, Problem
from chimera.typed import Config
from curriculum_app.core.order_plans import plan_of_order, stretch_curve
from curriculum_app.core.packing import Int
from curriculum_app.core.plans import Plan, PlanRequest, follow_greedily, natural_curve
from curriculum_app.core.pool import pool_of
from curriculum_app.core.sequences import SequenceTable

EVEN_OVER = "domain"


class StretchConfig(Config):
    """The order inside each stretch."""

    base: Literal["shuffled", "even"] = Field(
        "shuffled",
        title="Order of the rest",
        description="shuffled: random. even: the domains in their own proportions at every moment.",
    )


def plan_stretches(
    request: PlanRequest, grouping: str, stretches: list[Int], config: StretchConfig, facts: dict[str, Any]
) -> Plan:
    """All of the first stretch, then all of the next, reported against the mixture that each has by itself."""
    order = np.concatenate([_ordered(request, ids, config) for ids in stretches])
    curve = stretch_curve(request, grouping, stretches)
    return plan_of_order(request, order, grouping, curve, method=f"stretches, {config.base}", facts=facts)


def _ordered(request: PlanRequest, ids: Int, config: StretchConfig) -> Int:
    if config.base == "shuffled" or not len(ids):
        return np.random.default_rng([request.seed, len(ids)]).permutation(ids)
    only = replace(request, pool=pool_of(request.table, ids), budget=0)
    return follow_greedily(only, EVEN_OVER, natural_curve(only, EVEN_OVER), length_term=1.0).order


def require_tokens_of(table: SequenceTable, what: str, ids: Int, wanted: int, hint: str) -> None:
    """There are `wanted` sequences among `ids`.

    Raises:
        InputError: there are fewer; says how many tokens there are.
    """
    if len(ids) < wanted:
        length = table.sequence_length
        message = f"{wanted * length:,} tokens of {what} are wanted and there are {len(ids) * length:,}"
        raise InputError(Problem(message, field="budget_tokens", hint=hint))
