"""Batches in exactly the schedule's order, and the proof that what was delivered is what was planned."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from chimera.errors import InputError, Problem
from curriculum_app.core.packing import Int
from curriculum_app.core.schedule import ROW, Schedule
from curriculum_app.core.sequences import SequenceTable

Rows = NDArray[np.void]  # of dtype ROW


class DeliveryMismatch(RuntimeError):
    """The run was not shown what its schedule says, so nothing may be concluded from it."""


@dataclass(frozen=True)
class Batch:
    """Rows of the schedule as tensors [B, T]: position t of `inputs` predicts `targets[:, t]`.

    `rows` says what is in the tensors; it is what the delivery record is made of. `weights` is a row's weight at each
    of its targets and 0 at padding (on the right, where causal attention cannot see it from a real position).
    """

    rows: Rows
    inputs: Tensor
    targets: Tensor
    weights: Tensor

    @property
    def num_tokens(self) -> int:
        return int(self.rows["length"].sum())


class Batches:
    """Batch i holds rows [i·n, (i+1)·n) of the schedule; the last may be shorter."""

    def __init__(self, rows: Rows, table: SequenceTable, batch_sequences: int, device: torch.device) -> None:
        self.rows, self.table, self.batch_sequences, self.device = rows, table, batch_sequences, device
        _require_rows_inside(rows, table)

    def __len__(self) -> int:
        return -(-len(self.rows) // self.batch_sequences)

    def __getitem__(self, index: int) -> Batch:
        first = index * self.batch_sequences
        return self._make(self.rows[first : first + self.batch_sequences])

    @cached_property
    def tokens_after(self) -> Int:
        """Shape (steps,): planned tokens seen after each step."""
        ends = np.cumsum(self.rows["length"], dtype=np.int64)
        last = np.minimum(np.arange(1, len(self) + 1) * self.batch_sequences, len(self.rows)) - 1
        after: Int = ends[last]
        return after

    def _make(self, rows: Rows) -> Batch:
        width = int(rows["length"].max()) - 1
        inputs = np.full((len(rows), width), self.table.eos_id, dtype=np.int64)
        targets = np.zeros((len(rows), width), dtype=np.int64)
        weights = np.zeros((len(rows), width), dtype=np.float32)
        for index, row in enumerate(rows):
            start = int(row["start"])
            tokens = self.table.tokens_of(int(row["sequence"]))[start : start + int(row["length"])]
            inputs[index, : len(tokens) - 1] = tokens[:-1]
            targets[index, : len(tokens) - 1] = tokens[1:]
            weights[index, : len(tokens) - 1] = row["weight"]
        return Batch(rows, *(torch.from_numpy(array).to(self.device) for array in (inputs, targets, weights)))


def _require_rows_inside(rows: Rows, table: SequenceTable) -> None:
    """Every row names tokens that exist and at least one target.

    Raises:
        InputError: a row does not fit its sequence, or there are no rows.
    """
    if not len(rows):
        raise InputError(Problem("the schedule is empty", field="schedule", hint="give it a larger token budget"))
    known = (rows["sequence"] >= 0) & (rows["sequence"] < table.num_sequences)
    ends = rows["start"].astype(np.int64) + rows["length"]
    fits = known & (rows["start"] >= 0) & (rows["length"] >= 2)
    fits &= ends <= table.lengths[np.where(known, rows["sequence"], 0)]
    if not fits.all():
        bad = int(np.flatnonzero(~fits)[0])
        message = f"row {bad} of the schedule ({rows[bad]}) does not fit the sequences it orders"
        raise InputError(Problem(message, field="schedule", hint="make the schedule again from these sequences"))


def require_delivered_as_planned(delivered: Rows, schedule: Schedule) -> None:
    """Compare row by row what was fed with what was planned.

    Raises:
        DeliveryMismatch: names the first row that differs and both of its values.
    """
    planned = schedule.rows
    if len(delivered) != len(planned):
        raise DeliveryMismatch(f"delivered {len(delivered)} rows, planned {len(planned)}")
    wrong = np.flatnonzero(delivered.astype(ROW) != planned)
    if len(wrong):
        first = int(wrong[0])
        raise DeliveryMismatch(
            f"{len(wrong)} of {len(planned)} rows were not delivered as planned; first at row {first}: "
            f"delivered {delivered[first]}, planned {planned[first]}"
        )
