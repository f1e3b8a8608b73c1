"""Why this batch: the documents behind one optimizer step, from the schedule or the journal."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from chimera.artefacts import ArtefactStore
from curriculum_app.core.adaptive.journal import NAME, facts_of_step
from curriculum_app.core.schedule import Schedule, tokens_shown
from curriculum_app.core.sequences import SequenceTable
from curriculum_app.selectors.curricula import policy_facts
from training_app.core.configs import TrainConfig
from training_app.models import TrainingRun
from training_app.selectors.run_files import remembered, row_losses

EXCERPT_TOKENS = 60
MOST_GROUPS = 100  # of what is asked for, the largest first; a curriculum may have thousands


@dataclass(frozen=True)
class Piece:
    """Tokens of one document inside one sequence of the batch."""

    document: dict[str, Any]
    tokens: int


@dataclass(frozen=True)
class BatchRow:
    """One sequence of the batch. `group` is the one of the planned mixture that it mainly belongs to.

    `loss` is its mean next-token loss when it was trained on, None where no file here holds it. `notes` are numbers of
    its own that an adaptive policy decided by.
    """

    sequence: int
    tokens: int
    weight: float
    difficulty: float
    group: str
    excerpt: str
    pieces: list[Piece]
    loss: float | None
    notes: list[tuple[str, float]]


@dataclass(frozen=True)
class Asked:
    """One group: its share of what the plan asks for at this point, and of this batch.

    `off` is tokens of the group delivered up to and including this batch, less those owed to it by then.
    """

    group: str
    planned: float
    batch: float
    off: float


@dataclass(frozen=True)
class Why:
    """Who chose these rows: the policy with its settings, what it was after here, and how far it was from its plan.

    `deviation` is the largest |off| over the groups, in mean sequence lengths. Where the policy decided during the run
    there was no plan: `decided` is what its journal says of this step, and `asked` is empty.
    """

    policy: str
    summary: str
    settings: list[tuple[str, str]]
    grouping: str
    asked: list[Asked]
    deviation: float
    decided: list[tuple[str, str]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class BatchView:
    """The rows of one step and why they were chosen."""

    step: int
    rows: list[BatchRow]
    tokens_before: int
    why: Why

    @property
    def has_losses(self) -> bool:
        return any(row.loss is not None for row in self.rows)

    @property
    def documents(self) -> int:
        return len({piece.document["id"] for row in self.rows for piece in row.pieces})

    @property
    def tokens(self) -> int:
        return sum(row.tokens for row in self.rows)


def batch_of(run: TrainingRun, step: int) -> BatchView | None:
    """The batch of `step` (1 is the first); None when the run has no such step.

    Raises:
        FileNotFoundError: the schedule or its sequences are not on this host.
    """
    if run.schedule is None:
        return None
    config = TrainConfig.model_validate(run.job.config)
    schedule = Schedule.open(run.schedule.stored())
    before = (step - 1) * config.batch_sequences  # rows of this run; a fork's first one is not the schedule's first
    first = config.first_row + before
    if step < 1:
        return None
    table = schedule.open_sequences(ArtefactStore(Path(settings.DATA_DIR) / "artefacts"))
    found = (_decided if schedule.is_adaptive else _planned)(run, schedule, table, first, config.batch_sequences)
    if found is None:
        return None
    rows, seen, why, notes = found
    losses = row_losses(run)
    mine = losses[before : before + len(rows)] if losses is not None else None
    return BatchView(step, _rows(rows, mine, notes, schedule, table), seen, why)


Found = tuple[NDArray[np.void], int, Why, dict[str, list[float]]]  # rows, tokens before them, why, numbers of each row


def _planned(run: TrainingRun, schedule: Schedule, table: SequenceTable, first: int, count: int) -> Found | None:
    """The rows from `first` on as they stand in the schedule; None behind its end."""
    if first >= len(schedule.rows):
        return None
    rows = schedule.rows[first : first + count]
    return rows, int(schedule.rows["length"][:first].sum()), _why(schedule, table, first, len(rows)), {}


def _decided(run: TrainingRun, schedule: Schedule, table: SequenceTable, first: int, count: int) -> Found | None:
    """The decision that holds row `first`; None where no journal here has come so far."""
    journal = remembered(run, NAME)
    facts = facts_of_step(journal, first) if journal is not None else None
    if facts is None:
        return None
    named = [(name.replace("_", " "), str(value)) for name, value in facts["reason"].items()]
    named += [(name.replace("_", " "), f"{value:.4g}") for name, value in facts["scalars"].items()]
    why = replace(_policy(schedule), decided=named, said=facts["said"])
    numbers = {name.replace("_", " "): values for name, values in facts["per_row"].items()}
    return facts["rows"], first * schedule.max_length, why, numbers


def _why(schedule: Schedule, table: SequenceTable, first: int, count: int) -> Why:
    """The rows `first` to `first + count` against the plan: shares asked and given, and the deviation after them."""
    rows = schedule.rows[: first + count]
    lengths = rows["length"].astype(np.int64)
    batch = tokens_shown(table, schedule.grouping_name, rows[first:])
    off = tokens_shown(table, schedule.grouping_name, rows) - schedule.curve.cumulative(int(lengths.sum()))
    planned = schedule.planned_mixture(int(lengths[:first].sum()))
    shares = zip(schedule.group_names, planned.tolist(), (batch / batch.sum()).tolist(), off.tolist(), strict=True)
    asked = sorted((Asked(*item) for item in shares), key=lambda item: -item.planned)[:MOST_GROUPS]
    return replace(_policy(schedule), asked=asked, deviation=float(np.abs(off).max() / lengths.mean()))


def _policy(schedule: Schedule) -> Why:
    """The policy with its settings, before anything is known of the batch."""
    policy = schedule.manifest["policy"]
    facts = policy_facts(policy["key"], policy["config"])
    return Why(facts.title, facts.summary, facts.settings, schedule.grouping_name, [], 0.0)


def _rows(
    rows: Any,
    losses: NDArray[np.float32] | None,
    notes: dict[str, list[float]],
    schedule: Schedule,
    table: SequenceTable,
) -> list[BatchRow]:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(table.tokenizer_path))
    grouping = table.grouping(schedule.grouping_name)
    counts = grouping.dense(rows["sequence"])
    return [
        BatchRow(
            sequence=int(row["sequence"]),
            tokens=int(row["length"]),
            weight=float(row["weight"]),
            difficulty=float(table.difficulty[row["sequence"]]),
            group=grouping.names[int(count.argmax())],
            excerpt=tokenizer.decode(_first_tokens(row, table)),
            pieces=_pieces(row, table),
            loss=float(losses[place]) if losses is not None and place < len(losses) else None,
            notes=[(name, values[place]) for name, values in notes.items()],
        )
        for place, (row, count) in enumerate(zip(rows, counts, strict=True))
    ]


def _first_tokens(row: Any, table: SequenceTable) -> list[int]:
    start, count = int(row["start"]), min(int(row["length"]), EXCERPT_TOKENS)
    tokens: list[int] = table.tokens_of(int(row["sequence"]))[start : start + count].tolist()
    return tokens


def _pieces(row: Any, table: SequenceTable) -> list[Piece]:
    """The documents of a row that may be a part of its sequence."""
    start, end = int(row["start"]), int(row["start"] + row["length"])
    held = table.documents_of(int(row["sequence"]))
    inside = [min(piece.start + piece.length, end) - max(piece.start, start) for piece in held]
    return [Piece(piece.document, tokens) for piece, tokens in zip(held, inside, strict=True) if tokens > 0]
