"""Batches that an adaptive policy decides step by step, and the journal that proves it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from chimera.context import Recorder
from chimera.errors import InputError, Problem
from curriculum_app.core.adaptive.contract import Feedback, Progress, State
from curriculum_app.core.adaptive.journal import NAME, Journal
from curriculum_app.core.adaptive.policy import chooser_of
from curriculum_app.core.packing import Int
from curriculum_app.core.schedule import Schedule
from curriculum_app.core.sequences import SequenceTable, array_digest
from training_app.core.order import Batch, Feed, Rows

if TYPE_CHECKING:
    from training_app.core.checkpoint import Checkpoint
    from training_app.core.configs import TrainConfig
    from training_app.core.objectives.base import Objective

CHOOSER = "chooser"
PREFIX = "curriculum/"  # of every number that a chooser says


class ChosenBatches(Feed):
    """Asking for the next batch makes its decision; asking for an earlier one again changes nothing.

    `before` is the memory of a fork's base: the journal goes on where it ended.
    """

    def __init__(
        self,
        schedule: Schedule,
        table: SequenceTable,
        batch_sequences: int,
        device: torch.device,
        objective: Objective,
        before: dict[str, State] | None = None,
    ) -> None:
        super().__init__(table, batch_sequences, device, objective)
        self.schedule, self.chooser = schedule, chooser_of(schedule, table)
        self.journal = Journal(schedule.candidates, table.sequence_length, self.chooser.when_exhausted)
        self.remember(before or {})
        self.first, self.seen = len(self.journal), self.journal.rows()

    def __len__(self) -> int:
        if self.journal.ended:
            return len(self.journal) - self.first
        return -(-(self.schedule.num_rows - len(self.seen)) // self.batch_sequences)

    def __getitem__(self, index: int) -> Batch:
        place = self.first + index
        if place == len(self.journal):
            self._decide()
        decision = self.journal.entries[place].decision
        return self.batch_of(decision.rows, decision.scalars)

    def _decide(self) -> None:
        wanted = min(self.batch_sequences, self.schedule.num_rows - self.decided)
        progress = Progress(wanted, self.decided * self.journal.length, self.schedule.num_tokens)
        decision = self.chooser.decide(progress)
        self.journal.decided(decision, progress)
        self.decided += len(decision.rows)

    @property
    def tokens_after(self) -> Int:
        """As if the budget were used up: a policy that stops earlier has not said so yet."""
        steps = -(-(self.schedule.num_rows - len(self.seen)) // self.batch_sequences)
        rows = np.minimum(len(self.seen) + np.arange(1, steps + 1) * self.batch_sequences, self.schedule.num_rows)
        return np.asarray(rows * self.journal.length, dtype=np.int64)

    def learn(self, row_losses: Tensor, held_out: dict[str, float] | None, recorder: Recorder) -> dict[str, float]:
        entry = self.journal.entries[-1]
        feedback = Feedback(entry.decision.rows, row_losses.float().numpy(), held_out=held_out)
        self.journal.observed(feedback)
        self.chooser.observe(feedback)
        for said in entry.decision.happenings:
            recorder.event(said.kind, said.message, len(self.journal) - self.first)
        return {f"{PREFIX}{name}": v for name, v in {**entry.decision.scalars, **self.chooser.metrics()}.items()}

    def memory(self) -> dict[str, State]:
        return {NAME: self.journal.state(), CHOOSER: self.chooser.state()}

    def remember(self, memory: dict[str, State]) -> None:
        if memory:
            self.journal.load(memory[NAME])
            self.chooser.load(memory[CHOOSER])
        self.decided = len(self.journal.rows())

    def planned(self, schedule: Schedule) -> Rows:
        """The rows of the journal, once a fresh chooser has been told the same and has decided the same.

        Raises:
            JournalMismatch: it decides otherwise.
        """
        self.journal.require_follows(chooser_of(schedule, self.table), schedule.num_tokens)
        return self.journal.rows()[len(self.seen) :]

    @property
    def planned_digest(self) -> str:
        return array_digest(self.journal.rows()[len(self.seen) :])


def memory_of_base(config: TrainConfig, schedule: Schedule, base: Checkpoint | None) -> dict[str, State] | None:
    """What the policy knew when the base of a fork was kept; None for a run that begins the schedule anew.

    Raises:
        InputError: the run is to begin in mid-schedule, anywhere but where its base stood in this very schedule.
    """
    if not config.first_row:
        return None
    hint = "0 begins anew"
    if base is not None and base.manifest.get("schedule") == schedule.digest:
        stood = int(base.manifest["next_row"])
        if stood == config.first_row < schedule.num_rows:
            return {name: State.read(base.path, name) for name in (NAME, CHOOSER)}
        hint = f"{stood} goes on where the base stood, {hint}" if stood < schedule.num_rows else hint
    message = "its policy decides during the run, so it can only go on where a base that was trained on it stood"
    raise InputError(Problem(f"the schedule is adaptive: {message}", field="first_row", hint=hint))


def require_one_process(config: TrainConfig, schedule: Schedule, device: str) -> None:
    """Decisions are made where the feedback is: in one process.

    Raises:
        InputError: a run on an adaptive schedule asks for several.
    """
    from training_app.core.devices import count

    if schedule.is_adaptive and (processes := count(config, device)) > 1:
        message = f"an adaptive policy decides in one process; {processes} are asked for"
        raise InputError(Problem(message, field="processes", hint="set processes to 1, or choose another schedule"))
