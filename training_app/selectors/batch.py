"""Why this batch: the documents behind one optimizer step, read from the schedule and its sequences."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from chimera.artefacts import ArtefactStore
from curriculum_app.core.schedule import Schedule
from curriculum_app.core.sequences import SequenceTable
from training_app.core.configs import TrainConfig
from training_app.models import TrainingRun

EXCERPT_TOKENS = 60


@dataclass(frozen=True)
class Piece:
    """Tokens of one document inside one sequence of the batch."""

    document: dict[str, Any]
    tokens: int


@dataclass(frozen=True)
class BatchRow:
    """One sequence of the batch. `groups` are the groups of the planned mixture that it mainly belongs to."""

    sequence: int
    tokens: int
    weight: float
    difficulty: float
    group: str
    excerpt: str
    pieces: list[Piece]


@dataclass(frozen=True)
class BatchView:
    """The rows of one step and what the plan asked for there."""

    step: int
    rows: list[BatchRow]
    tokens_before: int
    planned: list[tuple[str, float]]
    grouping: str

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
    first = (step - 1) * config.batch_sequences
    if step < 1 or first >= len(schedule.rows):
        return None
    table = schedule.open_sequences(ArtefactStore(Path(settings.DATA_DIR) / "artefacts"))
    seen = int(schedule.rows["length"][:first].sum())
    shares = zip(schedule.group_names, schedule.planned_mixture(seen).tolist(), strict=True)
    rows = schedule.rows[first : first + config.batch_sequences]
    return BatchView(
        step, _rows(rows, schedule, table), seen, sorted(shares, key=lambda s: -s[1]), schedule.grouping_name
    )


def _rows(rows: Any, schedule: Schedule, table: SequenceTable) -> list[BatchRow]:
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
            excerpt=tokenizer.decode(table.tokens_of(int(row["sequence"]))[:EXCERPT_TOKENS].tolist()),
            pieces=[Piece(piece.document, piece.length) for piece in table.documents_of(int(row["sequence"]))],
        )
        for row, count in zip(rows, counts, strict=True)
    ]
