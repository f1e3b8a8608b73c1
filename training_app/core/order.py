"""Batches in exactly the schedule's order, and the proof that what was delivered is what was planned."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
import xxhash
from numpy.typing import NDArray
from torch import Tensor

from chimera.context import Recorder
from chimera.errors import InputError, Problem
from curriculum_app.core.adaptive.contract import State
from curriculum_app.core.packing import Int, Mask
from curriculum_app.core.schedule import ROW, Schedule
from curriculum_app.core.sequences import SequenceTable, array_digest
from training_app.core.objectives.base import Objective

Rows = NDArray[np.void]  # of dtype ROW
Hashes = NDArray[np.uint64]


class DeliveryMismatch(RuntimeError):
    """The run was not shown what its schedule says, so nothing may be concluded from it."""


@dataclass(frozen=True)
class Arrays:
    """A batch before it becomes tensors, each of shape [B, T]: position t of `inputs` predicts `targets[:, t]`.

    `weights` is a row's weight at each of its targets and 0 where nothing is to be learnt: at padding (on the right,
    where causal attention cannot see it from a real position) and at what is only context. An objective that shows
    several texts for one row stacks them: text k of row i stands at k·(number of rows) + i. `lengths`, of shape [B],
    are the tokens of each text.
    """

    inputs: NDArray[np.int64]
    targets: NDArray[np.int64]
    weights: NDArray[np.float32]
    lengths: NDArray[np.int64]

    def tokens_of(self, text: int) -> NDArray[np.int64]:
        """One text read back out of the arrays."""
        length = int(self.lengths[text])
        return np.append(self.inputs[text, : length - 1], self.targets[text, length - 2])


@dataclass(frozen=True)
class Batch:
    """Rows of the schedule as tensors (see `Arrays`), all of one step or a part of it.

    `rows` says what is in the tensors and `hashes` what the tensors' tokens are: the delivery record is made of both.
    `total` is what the loss of a part is divided by, of the whole step: see `Objective.total`. `scalars` are named
    numbers that an adaptive policy has decided for the step.
    """

    rows: Rows
    hashes: Hashes
    inputs: Tensor
    targets: Tensor
    weights: Tensor
    total: float
    scalars: Mapping[str, float] = field(default_factory=dict)

    @property
    def num_tokens(self) -> int:
        return int(self.rows["length"].sum())

    @property
    def longest(self) -> int:
        """Tokens of the longest row: what the others are padded to."""
        return int(self.rows["length"].max())

    def parts(self, size: int) -> Iterator[Batch]:
        """The batch in parts of at most `size` rows (0: whole), padding of the longest part's own length kept."""
        count = len(self.rows)
        if size <= 0 or size >= count:
            yield self
            return
        for first in range(0, count, size):
            yield self.take(range(first, min(first + size, count)))

    def take(self, rows: Sequence[int]) -> Batch:
        """Some of its rows, as a part of the same step."""
        count, index = len(self.rows), list(rows)
        texts = [k * count + i for k in range(len(self.inputs) // count) for i in index]
        inputs, targets, weights = self.inputs[texts], self.targets[texts], self.weights[texts]
        return Batch(self.rows[index], self.hashes[index], inputs, targets, weights, self.total, self.scalars)


class Feed(ABC):
    """What a run is fed: item i is the batch of its step i + 1.

    There are two: `Batches` of an order that was made before the run, and `ChosenBatches`
    (training_app.core.chosen), decided step by step. `seen` are the rows that a fork's base was fed.
    """

    seen: Rows

    def __init__(self, table: SequenceTable, batch_sequences: int, device: torch.device, objective: Objective) -> None:
        self.table, self.batch_sequences, self.device, self.objective = table, batch_sequences, device, objective

    @abstractmethod
    def __len__(self) -> int:
        """Steps of the run, as far as is known by now."""

    @abstractmethod
    def __getitem__(self, index: int) -> Batch: ...

    @property
    @abstractmethod
    def tokens_after(self) -> Int:
        """Shape (steps,): planned tokens seen after each step, those before the first row included."""

    @abstractmethod
    def planned(self, schedule: Schedule) -> Rows:
        """The rows that the run was to be fed, found without asking what it was fed."""

    @property
    @abstractmethod
    def planned_digest(self) -> str:
        """Of the planned rows, as far as they are known."""

    @cached_property
    def vary(self) -> bool:
        """Whether rows differ in length."""
        return _vary(self.table.lengths)

    def replan(self, schedule: Schedule, first_row: int) -> None:
        """Go on with another schedule, which is this one up to its row `first_row`.

        Raises:
            InputError: it is not, or nothing was planned that could be changed.
        """
        raise InputError(Problem("what is shown is decided during the run: there is no plan to edit", field="run"))

    def learn(self, row_losses: Tensor, held_out: dict[str, float] | None, recorder: Recorder) -> dict[str, float]:
        """Hand back what the last step has shown (see `Feedback`); metric points of whoever learns from it."""
        return {}

    def memory(self) -> dict[str, State]:
        """What a resume point and a kept checkpoint hold of this feed, by file name."""
        return {}

    def remember(self, memory: dict[str, State]) -> None:
        """Go on from what `memory` gave."""
        return None

    def batch_of(self, rows: Rows, scalars: Mapping[str, float] | None = None) -> Batch:
        """The tensors of `rows`, and hashes of what they really hold."""
        arrays = self.objective.collate(rows, self.table)
        fed = [token_hash(self.objective.fed(index, rows, arrays)) for index in range(len(rows))]
        return Batch(
            rows=rows,
            hashes=np.array(fed, dtype=np.uint64),
            inputs=torch.from_numpy(arrays.inputs).to(self.device),
            targets=torch.from_numpy(arrays.targets).to(self.device),
            weights=torch.from_numpy(arrays.weights).to(self.device),
            total=self.objective.total(rows, arrays),
            scalars=scalars or {},
        )


class Batches(Feed):
    """Batch i holds rows [i·n, (i+1)·n) of `rows`; the last may be shorter."""

    def __init__(
        self,
        rows: Rows,
        table: SequenceTable,
        batch_sequences: int,
        device: torch.device,
        objective: Objective,
        seen: Rows | None = None,
    ) -> None:
        super().__init__(table, batch_sequences, device, objective)
        self.rows, self.seen = rows, np.zeros(0, dtype=ROW) if seen is None else seen
        require_rows_inside(rows, table)

    def __len__(self) -> int:
        return -(-len(self.rows) // self.batch_sequences)

    def __getitem__(self, index: int) -> Batch:
        first = index * self.batch_sequences
        return self.batch_of(self.rows[first : first + self.batch_sequences])

    @property
    def vary(self) -> bool:
        return _vary(self.rows["length"])

    def replan(self, schedule: Schedule, first_row: int) -> None:
        """See `Feed`."""
        rows, kept = schedule.rows[len(self.seen) :], first_row - len(self.seen)
        if len(rows) <= kept or not np.array_equal(rows[:kept], self.rows[:kept]):
            message = "the edited plan does not begin as the one that the run follows"
            raise InputError(Problem(message, field="run", hint="make the edit again"))
        require_rows_inside(rows, self.table)
        self.rows = rows
        for known in ("vary", "tokens_after"):
            self.__dict__.pop(known, None)

    @cached_property
    def tokens_after(self) -> Int:
        """See `Feed`."""
        ends = np.cumsum(self.rows["length"], dtype=np.int64)
        last = np.minimum(np.arange(1, len(self) + 1) * self.batch_sequences, len(self.rows)) - 1
        after: Int = ends[last] + int(self.seen["length"].sum())
        return after

    def planned(self, schedule: Schedule) -> Rows:
        return schedule.rows[len(self.seen) :]

    @property
    def planned_digest(self) -> str:
        return array_digest(self.rows)


def _vary(lengths: NDArray[np.integer]) -> bool:
    return bool(len(lengths)) and bool((lengths != lengths[0]).any())


@dataclass(frozen=True)
class Text:
    """One text of a batch: its tokens, which of them are targets (None: all), and the weight of its row."""

    tokens: NDArray[np.integer]
    mask: NDArray[np.integer] | None
    weight: float


def padded(texts: Sequence[Text], pad_id: int) -> Arrays:
    """Every token of a text but its first is a target with the row's weight, if the mask does not leave it out."""
    width = max(len(text.tokens) for text in texts) - 1
    inputs = np.full((len(texts), width), pad_id, dtype=np.int64)
    targets = np.zeros((len(texts), width), dtype=np.int64)
    weights = np.zeros((len(texts), width), dtype=np.float32)
    for index, text in enumerate(texts):
        inputs[index, : len(text.tokens) - 1] = text.tokens[:-1]
        targets[index, : len(text.tokens) - 1] = text.tokens[1:]
        weights[index, : len(text.tokens) - 1] = text.weight if text.mask is None else text.weight * text.mask[1:]
    return Arrays(inputs, targets, weights, np.array([len(text.tokens) for text in texts], dtype=np.int64))


def shifted(rows: Rows, table: SequenceTable, *, masked: bool = False) -> Arrays:
    """Rows as texts of their own; `masked` leaves out what the table calls context."""
    masks = [mask_of(row, table) if masked and table.mask is not None else None for row in rows]
    texts = [Text(tokens_of(row, table), mask, float(row["weight"])) for row, mask in zip(rows, masks, strict=True)]
    return padded(texts, table.eos_id)


def mask_of(row: np.void, table: SequenceTable) -> Mask:
    """Which tokens of a schedule's row are targets.

    A part of a packed text that is nothing but metadata trains on its last ten tokens, as MeCo's own code does.
    """
    start = int(row["start"])
    mask = table.mask_of(int(row["sequence"]))[start : start + int(row["length"])]
    if table.form == "text" and not mask[1:].any():
        mask = np.where(np.arange(len(mask)) >= len(mask) - 10, 1, mask).astype(np.uint8)
    return mask


def tokens_of(row: np.void, table: SequenceTable) -> NDArray[np.unsignedinteger]:
    """The tokens that one row of a schedule names."""
    start = int(row["start"])
    tokens: NDArray[np.unsignedinteger] = table.tokens_of(int(row["sequence"]))[start : start + int(row["length"])]
    return tokens


def token_hash(tokens: NDArray[np.integer]) -> int:
    """xxh3 (64 bits) of token ids, whatever their width."""
    return xxhash.xxh3_64_intdigest(tokens.astype("<i8").tobytes())


def require_rows_inside(rows: Rows, table: SequenceTable) -> None:
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


def require_delivered_as_planned(
    delivered: Rows, hashes: Hashes, planned: Rows, table: SequenceTable, first_row: int = 0
) -> None:
    """Compare row by row what was fed with what was planned: the rows, and the tokens that the model really got.

    `first_row` is the number of the first planned row in its schedule.

    Raises:
        DeliveryMismatch: names the first row that differs and both of its values.
    """
    if len(delivered) != len(planned):
        raise DeliveryMismatch(f"delivered {len(delivered)} rows, planned {len(planned)}")
    wrong = np.flatnonzero(delivered.astype(ROW) != planned)
    if len(wrong):
        first = int(wrong[0])
        raise DeliveryMismatch(
            f"{len(wrong)} of {len(planned)} rows were not delivered as planned; first at row {first + first_row}: "
            f"delivered {delivered[first]}, planned {planned[first]}"
        )
    for index, row in enumerate(planned):
        if token_hash(tokens_of(row, table)) != hashes[index]:
            message = f"the tokens fed at row {index + first_row} are not those of sequence {row['sequence']}"
            raise DeliveryMismatch(message)
