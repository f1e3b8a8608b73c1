"""Gradients of a step: of the whole batch into the weights, or of a part of it for whoever wants to look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from training_app.core.model import trained_parameters
from training_app.core.objectives.base import StepLoss
from training_app.core.order import Batch

if TYPE_CHECKING:
    from training_app.core.engine import Run


@dataclass(frozen=True)
class Gradients:
    """What the backward passes of one step have left in the weights' gradients, and what they said of the batch."""

    loss: float
    row_losses: torch.Tensor
    entropy_N: torch.Tensor
    values: dict[str, float]


def accumulate(run: Run, batch: Batch, *, with_entropy: bool) -> Gradients:
    """Forward and backward over the parts of a batch: gradients add up to that of the mean over the whole step."""
    losses, rows, entropies = [], [], []
    values: dict[str, float] = {}
    for part in batch.parts(run.config.micro_batch_sequences):
        found = loss_of(run, part, with_entropy=with_entropy)
        found.loss.backward()  # type: ignore[no-untyped-call]
        losses.append(found.loss.detach())
        rows.append(found.row_losses.detach())
        entropies.append(found.entropy_N)
        share = len(part.rows) / len(batch.rows)
        for key, value in found.values.items():
            values[key] = values.get(key, 0.0) + share * value
    loss = torch.stack(losses).sum().item() if len(losses) > 1 else losses[0].item()
    return Gradients(loss, torch.cat(rows).cpu(), torch.cat(entropies), values)


def loss_of(run: Run, part: Batch, *, with_entropy: bool) -> StepLoss:
    """The loss of a part of a step, in the run's precision."""
    with torch.autocast(part.inputs.device.type, dtype=torch.bfloat16, enabled=run.config.precision == "bf16"):
        return run.objective.loss(run.model, part, with_entropy=with_entropy)


def gradient_of(run: Run, batch: Batch) -> list[torch.Tensor]:
    """The share of a part of the batch in the step's gradient, one tensor per trained weight; `grad` stays as it is."""
    weights = list(trained_parameters(run.model).values())
    total = [torch.zeros_like(weight) for weight in weights]
    for part in batch.parts(run.config.micro_batch_sequences):
        loss = loss_of(run, part, with_entropy=False).loss
        for place, found in enumerate(torch.autograd.grad(loss, weights, allow_unused=True)):
            if found is not None:
                total[place] += found
    return total
