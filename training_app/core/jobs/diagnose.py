"""The `diagnose` job: the gradients of a frozen checkpoint along a schedule. Torch is imported when it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from chimera.artefacts import Stored
from chimera.context import Context
from curriculum_app.core.schedule import Schedule
from training_app.core.checkpoint import Checkpoint
from training_app.core.configs_diagnose import DiagnoseConfig
from training_app.core.diagnosis import OrderFacts, save_diagnosis

if TYPE_CHECKING:
    from collections.abc import Iterator

    from training_app.core.order import Batches, Rows

LABELS = {"name", "checkpoint", "schedule", "device", "threads"}


@dataclass(frozen=True)
class DiagnoseResult:
    """The artefact and what its row shows."""

    stored: Stored
    summary: dict[str, Any]


def run(config: DiagnoseConfig, ctx: Context) -> DiagnoseResult:
    """Cosines of chunk gradients and stable ranks by layer, of the schedule's order and of shuffles of its rows.

    TerRIFIC Curricula: the chunk-gradient cosine matrix (figure 5) and the stable rank of batch gradients, both at one
    frozen checkpoint. The shuffles say what the same numbers are without any order.

    Raises:
        InputError: the checkpoint does not read these sequences, or the schedule is too short for so many chunks.
    """
    import torch

    from training_app.core.gradient_walk import batches_of_chunks, facts_of, walk

    torch.set_num_threads(config.threads)
    checkpoint, schedule = ctx.open(config.checkpoint), ctx.open(config.schedule)
    model, batches_of = _frozen(config, checkpoint, schedule, ctx)
    first = batches_of(schedule.rows)
    num_batches = len(first.rows) // config.batch_sequences
    chosen = batches_of_chunks(num_batches, config.chunks, config.chunk_batches)
    total = (1 + config.shuffles) * config.chunks * config.chunk_batches
    done, orders = 0, []
    for name, rows in _orders(schedule.rows, config):

        def told(name: str = name) -> None:
            nonlocal done
            done += 1
            ctx.check()
            ctx.progress(done, total, "batches", name)

        found = walk(model, first.objective, batches_of(rows), chosen, told)
        orders.append(facts_of(name, found, config.batch_sequences, config.chunk_batches))
    facts = {
        "checkpoint": checkpoint.digest,
        "schedule": schedule.digest,
        "chunks": config.chunks,
        "batches": config.chunk_batches,
        "batch_sequences": config.batch_sequences,
        "tokens": int(first.rows["length"].mean() * config.batch_sequences * config.chunk_batches),
    }
    recipe = {key: value for key, value in config.as_json().items() if key not in LABELS}
    return DiagnoseResult(save_diagnosis(ctx.store, facts, recipe, orders), _summary(orders))


def _frozen(config: DiagnoseConfig, checkpoint: Checkpoint, schedule: Schedule, ctx: Context) -> Any:
    """The model, every weight with a gradient, and what makes batches of rows."""
    import torch

    from training_app.core.base_model import require_context, require_same_tokenizer
    from training_app.core.engine import resolve_device
    from training_app.core.model import set_fast_attention
    from training_app.core.order import Batches

    table = schedule.open_sequences(ctx.store)
    require_same_tokenizer(checkpoint, table)
    objective = config.objective.build()
    objective.require(table)
    device = torch.device(resolve_device(config.device))
    model = checkpoint.load_model()
    model.config.use_cache = False
    set_fast_attention(model)
    require_context(model, int(table.lengths.max()))
    model.requires_grad_(True).to(device)  # type: ignore[arg-type]
    objective.prepare(model)

    def batches_of(rows: Rows) -> Batches:
        return Batches(rows, table, config.batch_sequences, device, objective)

    return model, batches_of


def _orders(rows: Rows, config: DiagnoseConfig) -> Iterator[tuple[str, Rows]]:
    yield "schedule", rows
    for number in range(config.shuffles):
        yield f"shuffle {number + 1}", np.random.default_rng([config.seed, number]).permutation(rows)


def _summary(orders: list[OrderFacts]) -> dict[str, Any]:
    """Means of the schedule and of the shuffles, for tables."""
    own, others = orders[0], orders[1:]
    ranks = [order.mean_rank for order in others if order.mean_rank is not None]
    return {
        "cosine": float(own.off_diagonal.mean()),
        "cosine_shuffled": float(np.mean([order.off_diagonal.mean() for order in others])),
        "stable_rank": own.mean_rank,
        "stable_rank_shuffled": float(np.mean(ranks)) if ranks else None,
    }
