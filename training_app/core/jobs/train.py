"""The `train` job: one run from a schedule to a sealed checkpoint. Torch is imported when it runs."""

from __future__ import annotations

from dataclasses import dataclass

from chimera.artefacts import Stored
from chimera.context import Context
from training_app.core.configs import TrainConfig
from training_app.core.summary import TrainSummary


@dataclass(frozen=True)
class TrainResult:
    """The checkpoint artefact and what the run says of itself."""

    stored: Stored
    summary: TrainSummary


def run(config: TrainConfig, ctx: Context) -> TrainResult:
    """Train, prove that delivered equals planned, and seal the checkpoint.

    Raises:
        DeliveryMismatch, JournalMismatch: the run was fed anything but its schedule, or what its policy decided.
        InputError, Paused, Cancelled, LeaseLost: see `training_app.core.engine.train`.
    """
    from training_app.core.base_model import require_undamaged
    from training_app.core.chosen import require_one_process
    from training_app.core.devices import started
    from training_app.core.engine import prepare, resolve_device, train
    from training_app.core.kept import seal, summarise
    from training_app.core.memory_advice import memory_advice
    from training_app.core.order import require_delivered_as_planned

    schedule = ctx.open(config.schedule)
    require_one_process(config, schedule, resolve_device(config.device))
    table = schedule.open_sequences(ctx.store)
    base = ctx.open(config.base) if config.base is not None else None
    if base is not None:
        require_undamaged(base)
    with (
        memory_advice(config, schedule, table, base),
        started(config, ctx, schedule, base, resolve_device(config.device)) as devices,
    ):
        training = prepare(config, schedule, table, base, devices)
        scores = train(training, ctx)
    state = training.state
    planned = training.batches.planned(training.schedule)
    require_delivered_as_planned(state.delivered_rows(), state.all_hashes(), planned, table, config.first_row)
    summary = summarise(training, scores)
    return TrainResult(seal(training, ctx, scores, summary), summary)
