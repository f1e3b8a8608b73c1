"""Gradients of a frozen model along an order of rows: chunk by chunk, batch by batch."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedModel

from chimera.errors import InputError, Problem
from training_app.core.diagnosis import LayerRanks, OrderFacts
from training_app.core.model import hidden_linears, trained_parameters
from training_app.core.objectives.base import Objective
from training_app.core.order import Batch, Batches
from training_app.core.part_gradients import cosines, flattened, gram
from training_app.core.probes.noise_scale import noise_scale
from training_app.core.probes.stable_rank import stable_rank


def batches_of_chunks(num_batches: int, chunks: int, wanted: int) -> list[list[int]]:
    """For each of `chunks` contiguous stretches of the batches, `wanted` of them, evenly spaced.

    Raises:
        InputError: a stretch has fewer batches.
    """
    if num_batches // chunks < wanted:
        message = f"the schedule has {num_batches} batches, {num_batches // chunks} a chunk, and {wanted} are asked for"
        hint = "fewer chunks, fewer sequences a chunk, or smaller batches"
        raise InputError(Problem(message, field="chunk_sequences", hint=hint))
    edges = [num_batches * chunk // chunks for chunk in range(chunks + 1)]
    return [[low + (high - low) * k // wanted for k in range(wanted)] for low, high in pairwise(edges)]


@dataclass
class Walk:
    """What is gathered along one order."""

    ranks: dict[str, list[float]] = field(default_factory=dict)
    chunks: list[Tensor] = field(default_factory=list)
    squares: list[float] = field(default_factory=list)  # ‖g‖² of every batch
    chunk_squares: list[float] = field(default_factory=list)


def walk(
    model: PreTrainedModel, objective: Objective, batches: Batches, chosen: list[list[int]], told: Callable[[], None]
) -> Walk:
    """Gradients of the chosen batches, summed up by chunk. `told` is called after every batch."""
    found = Walk({name: [] for name in hidden_linears(model)})
    weights = list(trained_parameters(model).values())
    for indices in chosen:
        total = [torch.zeros_like(weight) for weight in weights]
        for index in indices:
            _backward(model, objective, batches[index])
            for name, linear in hidden_linears(model).items():
                found.ranks[name].append(math.nan if linear.weight.grad is None else stable_rank(linear.weight.grad))
            gradients = [torch.zeros_like(w) if w.grad is None else w.grad for w in weights]
            found.squares.append(_square(gradients))
            torch._foreach_add_(total, gradients, alpha=1 / len(indices))
            told()
        found.chunk_squares.append(_square(total))
        found.chunks.append(flattened(total, len(chosen)))
    model.zero_grad(set_to_none=True)
    return found


def facts_of(name: str, found: Walk, batch_sequences: int, chunk_batches: int) -> OrderFacts:
    """The numbers that are kept of one order."""
    small, large = float(np.mean(found.squares)), float(np.mean(found.chunk_squares))
    gradient, variance = noise_scale(small, large, batch_sequences, batch_sequences * chunk_batches)
    layers = [ranks_of(layer, np.array(ranks)) for layer, ranks in found.ranks.items()]
    return OrderFacts(name, cosines(gram(found.chunks)).tolist(), layers, variance / gradient if gradient > 0 else None)


def ranks_of(layer: str, ranks: NDArray[np.float64]) -> LayerRanks:
    """Zero gradients (NaN) are counted and left out. 2, 10/9, 1: least 1, mean 1.3703704."""
    known = ranks[np.isfinite(ranks)]
    least, mean = (float(known.min()), float(known.mean())) if len(known) else (None, None)
    return LayerRanks(layer, least, mean, len(ranks) - len(known))


def _backward(model: PreTrainedModel, objective: Objective, batch: Batch) -> None:
    model.zero_grad(set_to_none=True)
    objective.loss(model, batch, with_entropy=False).loss.backward()  # type: ignore[no-untyped-call]


def _square(tensors: list[Tensor]) -> float:
    return float(torch.stack(torch._foreach_norm(tensors)).double().square().sum())
