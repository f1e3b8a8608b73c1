"""The `train` job: one run from a schedule to a sealed checkpoint. Torch is imported when it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chimera.artefacts import Stored
from chimera.context import Context
from curriculum_app.core.schedule import Schedule, multiset_digest
from curriculum_app.core.sequences import SequenceTable, array_digest
from training_app.core.checkpoint import save_checkpoint
from training_app.core.configs import TrainConfig
from training_app.core.summary import TrainSummary, sparkline

if TYPE_CHECKING:
    from training_app.core.engine import Run
    from training_app.core.held_out import HeldOutScores


@dataclass(frozen=True)
class TrainResult:
    """The checkpoint artefact and what the run says of itself."""

    stored: Stored
    summary: TrainSummary


def run(config: TrainConfig, ctx: Context) -> TrainResult:
    """Train, prove that delivered equals planned, and seal the checkpoint.

    Raises:
        DeliveryMismatch: the run was fed anything but its schedule.
        InputError, Paused, Cancelled, LeaseLost: see `training_app.core.engine.train`.
    """
    from training_app.core.engine import prepare, train
    from training_app.core.order import require_delivered_as_planned

    schedule = ctx.open(config.schedule)
    table = schedule.open_sequences(ctx.store)
    training = prepare(config, schedule, table)
    scores = train(training, ctx)
    delivered = training.state.delivered_rows()
    require_delivered_as_planned(delivered, schedule)
    summary = summarise(training, scores, schedule, table)
    stored = save_checkpoint(
        ctx.store, training.model, config, schedule, table.tokenizer_path, delivered, scores, summary
    )
    return TrainResult(stored, summary)


def summarise(training: Run, scores: HeldOutScores, schedule: Schedule, table: SequenceTable) -> TrainSummary:
    """The run's table row."""
    from training_app.core.model import num_parameters

    state, delivered = training.state, training.state.delivered_rows()
    spark = sparkline(state.losses)
    return TrainSummary(
        steps=state.step,
        tokens=state.tokens,
        parameters=num_parameters(training.model),
        seconds=state.seconds,
        tokens_per_second=state.tokens / state.seconds,
        device=str(training.model.device),
        threads=training.config.threads,
        first_loss=state.losses[0],
        last_loss=spark[-1],
        sparkline=spark,
        held_out=scores.by_domain(),
        held_out_macro=scores.macro,
        unigram=table.unigram_bits_per_byte(),
        planned_digest=schedule.order_digest,
        delivered_digest=array_digest(delivered),
        multiset_digest=multiset_digest(delivered["sequence"]),
    )
