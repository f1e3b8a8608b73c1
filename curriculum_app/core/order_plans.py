"""Plans of an order that is known beforehand: of whole sequences, of parts, with repeats or without (pure)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from curriculum_app.core.mixture_curve import Float, MixtureCurve
from curriculum_app.core.packing import Int
from curriculum_app.core.plans import Plan, PlanRequest
from curriculum_app.core.schedule import rows_of
from curriculum_app.core.scheduling.adherence import adherence_of
from curriculum_app.core.sequences import SequenceTable
from curriculum_app.core.tracks import Tracks

WINDOWS = 24  # stretches in which a mixture that follows from an order is given


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
    return plan_of_rows(request, rows, grouping, curve, method=method, tracks=tracks, facts=facts)


def plan_of_rows(
    request: PlanRequest,
    rows: NDArray[np.void],
    grouping: str,
    curve: MixtureCurve,
    *,
    method: str,
    tracks: Tracks | None = None,
    facts: dict[str, Any] | None = None,
) -> Plan:
    """The plan that shows `rows` (dtype `schedule.ROW`, whole sequences or parts), reported against `curve`."""
    report = adherence_of(request.table, rows, grouping, curve, method=method, exact=False)
    return Plan(rows, grouping, curve, report, tracks or Tracks(), facts or {})


def stretch_curve(request: PlanRequest, grouping: str, parts: list[Int]) -> MixtureCurve:
    """The mixture that stretches of whole sequences have, each constant within its stretch."""
    groups, lengths = request.table.grouping(grouping), request.table.lengths
    held = [part for part in parts if len(part)]
    tokens = np.array([lengths[part].sum() for part in held], dtype=np.float64)
    shares = np.stack([groups.totals(part) / size for part, size in zip(held, tokens, strict=True)])
    return MixtureCurve.stepped(groups.names, np.cumsum(tokens).tolist(), shares)


def curve_of_rows(table: SequenceTable, rows: NDArray[np.void], grouping: str) -> MixtureCurve:
    """The mixture that rows have in their order, constant within each of 24 stretches of equal tokens."""
    groups, ends = table.grouping(grouping), np.cumsum(rows["length"], dtype=np.int64)
    windows = min(WINDOWS, len(rows))
    window = np.unique((ends - 1) * windows // ends[-1], return_inverse=True)[1]
    share, size = rows["length"] / table.lengths[rows["sequence"]], int(window[-1]) + 1
    picked = sparse.csr_array((share, (window, rows["sequence"])), shape=(size, table.num_sequences))
    shown = np.asarray((picked @ groups.counts).toarray(), dtype=np.float64)
    last = np.append(np.flatnonzero(np.diff(window)), len(rows) - 1)
    return MixtureCurve.stepped(groups.names, ends[last].tolist(), shown / shown.sum(axis=1, keepdims=True))


def in_ascending_order(ids: Int, values: Float, rng: np.random.Generator) -> Int:
    """The ids by their values, (n,) each; equals in random order."""
    mixed = rng.permutation(len(ids))
    chosen: Int = ids[mixed[np.argsort(values[mixed], kind="stable")]]
    return chosen
