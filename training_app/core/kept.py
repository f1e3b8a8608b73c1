"""Checkpoints kept for good: what a run is at one of its steps, sealed with its scores and its delivery so far."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from chimera.artefacts import Stored
from chimera.context import Context
from curriculum_app.core.schedule import multiset_of
from curriculum_app.core.sequences import array_digest
from training_app.core.checkpoint import save_checkpoint
from training_app.core.environment import environment
from training_app.core.model import num_parameters
from training_app.core.summary import TrainSummary, sparkline

if TYPE_CHECKING:
    from training_app.core.engine import Run
    from training_app.core.held_out import HeldOutScores


def keep_checkpoint(run: Run, ctx: Context, scores: HeldOutScores) -> None:
    """Seal the model as it stands in mid-run and note it with the recorder. Doing it again changes nothing."""
    state = run.state
    stored = seal(run, ctx, scores, summarise(run, scores))
    ctx.recorder.keep(stored, state.step, state.tokens)


def seal(run: Run, ctx: Context, scores: HeldOutScores, summary: TrainSummary) -> Stored:
    """Store model, scores and delivery as one artefact."""
    return save_checkpoint(ctx.store, run, scores, summary)


def summarise(run: Run, scores: HeldOutScores) -> TrainSummary:
    """The run's table row, as of its last step."""
    state, delivered = run.state, run.state.delivered_rows()
    losses = [loss for loss in state.losses if math.isfinite(loss)]
    spark = sparkline(losses)
    return TrainSummary(
        steps=state.step,
        tokens=state.tokens,
        parameters=num_parameters(run.model),
        seconds=state.seconds,
        tokens_per_second=int(delivered["length"].sum()) / state.seconds,
        device=str(run.model.device),
        threads=run.config.threads,
        processes=run.devices.processes,
        first_loss=losses[0],
        last_loss=spark[-1],
        sparkline=spark,
        held_out=scores.by_domain(),
        held_out_macro=scores.macro,
        unigram=run.table.unigram_bits_per_byte(),
        planned_digest=run.batches.planned_digest,
        delivered_digest=array_digest(delivered),
        multiset_digest=multiset_of(delivered, run.table.lengths),
        non_finite_steps=state.non_finite,
        environment=environment(),
    )
