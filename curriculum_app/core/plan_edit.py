"""An edited plan: what was shown stays row by row, what is left of it is put into another order (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chimera.artefacts import ArtefactStore, Stored
from chimera.errors import InputError, Problem
from curriculum_app.core.mixture_curve import Float, MixtureCurve
from curriculum_app.core.packing import Int
from curriculum_app.core.plans import Plan, PlanRequest
from curriculum_app.core.policies.base import Policy
from curriculum_app.core.pool import Pool
from curriculum_app.core.schedule import Schedule, exposure, multiset_digest, save_schedule
from curriculum_app.core.scheduling.adherence import adherence_of, delivery_of, totals_at
from curriculum_app.core.sequences import SequenceTable

KNOTS = 48  # of the joined curve, on either side of the edit, at most
ROWS = 16  # at least, that a share of the past is taken over: of fewer it says little
LEAST = 1e-6  # smallest share of the joined curve: a logarithm is taken of it


@dataclass(frozen=True)
class PlanEdit:
    """From row `first_row` of `schedule` on, `policy` decides; `chosen` is it as JSON, `seed` that of its order."""

    schedule: Schedule
    table: SequenceTable
    first_row: int
    policy: Policy
    chosen: dict[str, Any]
    seed: int

    @property
    def past(self) -> NDArray[np.void]:
        return self.schedule.rows[: self.first_row]


def edited(edit: PlanEdit, store: ArtefactStore) -> Stored:
    """Store the schedule that begins as the old one and ends as `policy` orders what is left.

    Raises:
        InputError: nothing is left, or what is left are parts or repeats of sequences.
    """
    plan = edit.policy.plan(PlanRequest(edit.table, remaining(edit), edit.seed))
    rows = np.concatenate([edit.past, plan.rows])
    curve = joined(edit, plan)
    report = adherence_of(edit.table, rows, plan.grouping, curve, method=plan.adherence["method"], exact=False)
    old = edit.schedule.manifest
    facts = {
        "policy": edit.chosen,
        "seed": edit.seed,
        "pool": old["pool"],
        "grouping": plan.grouping,
        "curve": curve.as_json(),
        "adherence": report,
        "exposure": exposure(edit.table, rows),
        "tracks": old.get("tracks", {}),
        "facts": {**plan.facts, "edit": {"of": edit.schedule.digest, "first_row": edit.first_row}},
    }
    return save_schedule(store, edit.table, rows, facts)


def remaining(edit: PlanEdit) -> Pool:
    """The sequences that are still to be shown.

    Raises:
        InputError: see `edited`.
    """
    left = edit.schedule.rows[edit.first_row :]
    if not len(left):
        raise InputError(Problem("nothing of the plan is left to edit", field="from_step", hint="start earlier"))
    ids: Int = np.unique(left["sequence"])
    if len(ids) < len(left) or not np.array_equal(left["length"], edit.table.lengths[left["sequence"]]):
        message = "what is left of this plan are parts or repeats of sequences, which another policy cannot order"
        raise InputError(Problem(message, field="run", hint="fork the run with a schedule of its own instead"))
    return Pool(ids, multiset_digest(ids), int(edit.table.lengths[ids].sum()))


def joined(edit: PlanEdit, plan: Plan) -> MixtureCurve:
    """The planned mixture of the whole: of the past what was shown, after it the plan's own curve, moved."""
    past, names = edit.past, plan.curve.names
    if not len(past):
        return plan.curve
    delivery = delivery_of(edit.table, past, plan.grouping)
    stretches = min(KNOTS, max(1, len(past) // ROWS))
    at = np.unique(np.linspace(0, len(past), stretches + 1).round().astype(np.int64))[1:] - 1
    totals = np.vstack([np.zeros(len(names)), totals_at(delivery.groups, at)])
    seen = np.cumsum(past["length"], dtype=np.float64)[at]
    shown = np.diff(totals, axis=0) / np.diff(np.append(0.0, seen))[:, None]
    length = int(plan.rows["length"].sum())
    later = np.geomspace(max(1.0, length / 1000), length, KNOTS)
    knots = np.concatenate([seen, seen[-1] + later])
    return MixtureCurve(names, knots, _logits(np.vstack([shown, plan.curve.at(later)])))


def _logits(shares: Float) -> Float:
    logs = np.log(np.maximum(shares, LEAST))
    return np.asarray(logs - logs.mean(axis=1, keepdims=True), dtype=np.float64)
