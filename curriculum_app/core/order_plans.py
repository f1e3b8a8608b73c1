"""Plans of an order of whole sequences that is known beforehand, with repeats or without (pure)."""

from __future__ import annotations

from typing import Any

import numpy as np

from curriculum_app.core.mixture_curve import MixtureCurve
from curriculum_app.core.packing import Int
from curriculum_app.core.plans import Plan, PlanRequest
from curriculum_app.core.schedule import rows_of
from curriculum_app.core.scheduling.adherence import adherence_of
from curriculum_app.core.tracks import Tracks


def plan_of_order(
    request: PlanRequest,
    order: Int,
    grouping: str,
    curve: MixtureCurve,
    *,
    method: str,
    tracks: Tracks | None = None,
    facts: dict[str, Any] | None = None,
) -> Plan:
    """The plan that shows the sequences of `order` in that order, reported against `curve`."""
    rows = rows_of(request.table, order)
    report = adherence_of(request.table, rows, grouping, curve, method=method, exact=False)
    return Plan(rows, grouping, curve, report, tracks or Tracks(), facts or {})


def stretch_curve(request: PlanRequest, grouping: str, parts: list[Int]) -> MixtureCurve:
    """The mixture that stretches of whole sequences have, each constant within its stretch."""
    groups, lengths = request.table.grouping(grouping), request.table.lengths
    held = [part for part in parts if len(part)]
    tokens = np.array([lengths[part].sum() for part in held], dtype=np.float64)
    shares = np.stack([groups.totals(part) / size for part, size in zip(held, tokens, strict=True)])
    return MixtureCurve.stepped(groups.names, np.cumsum(tokens).tolist(), shares)
