"""How the engine asks its probes: what they see of a step, what they may not disturb, and what each costs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING

import torch

from training_app.core.fed import Fed
from training_app.core.gradients import Gradients, gradient_of
from training_app.core.order import Batch
from training_app.core.probes.base import Probe, StepView

if TYPE_CHECKING:
    from training_app.core.engine import Run


def look(run: Run, batch: Batch, found: Gradients, probe_BT: torch.Tensor) -> StepView:
    """The step after the last finished one, as probes see it."""
    count = run.state.step * run.config.batch_sequences
    return StepView(
        step=run.state.step + 1,
        model=run.model,
        entropy_N=found.entropy_N,
        probe_BT=probe_BT,
        batch=batch,
        row_losses=found.row_losses,
        objective=run.objective,
        table=run.table,
        optimizer=run.optimizer,
        fed=Fed(run.batches.seen, run.state, batch.rows, found.row_losses.float().numpy(), count + len(batch.rows)),
        gradient_of=partial(gradient_of, run),
    )


def measure(due: list[Probe], view: StepView, *, compiled: bool) -> dict[str, float]:
    """The values of the due probes and what each measurement cost, in seconds."""
    values: dict[str, float] = {}
    for probe in due:
        started = time.perf_counter()
        with undisturbed(view.model.device, compiled=compiled):
            values |= probe.measure(view)
        values[f"probe_seconds/{probe.key}"] = time.perf_counter() - started
    return values


def after_update(due: list[Probe], view: StepView, values: dict[str, float]) -> None:
    """Add what the due probes see once the weights have moved, and its cost."""
    for probe in due:
        started = time.perf_counter()
        values |= probe.after_update(view)
        values[f"probe_seconds/{probe.key}"] += time.perf_counter() - started


@contextmanager
def undisturbed(device: torch.device, *, compiled: bool) -> Iterator[None]:
    """Forward passes in here (dropout) move no random state and make no compiled model compile anew."""
    stance = torch.compiler.set_stance("force_eager") if compiled else nullcontext()
    with torch.random.fork_rng([device] if device.type == "cuda" else []), stance:
        yield
