"""Inner products of the gradients of parts of a batch: from them come noise scale, cosines and stacked stable rank."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training_app.core.order import Batch

if TYPE_CHECKING:
    from training_app.core.probes.base import StepView

Float = NDArray[np.float64]
Gradient = Callable[[Batch], list[Tensor]]

EXACT_FLOATS = 2**26  # kept gradients up to 256 MiB are exact, more are sketched
SKETCH_SIZE = 2**16
_STRETCH = 2**22  # entries hashed at once
_MULTIPLIER, _MULTIPLIER_OF_LAYER = 0x1E3779B97F4A7C15, 0x3F58476D1CE4E5B9


def equal_parts(batch: Batch, parts: int) -> list[Batch]:
    """The batch cut into at most `parts` parts of equally many rows; rows that are left over belong to none."""
    count = max(1, min(parts, len(batch.rows)))
    size = len(batch.rows) // count
    return [batch.take(range(first, first + size)) for first in range(0, count * size, size)]


def gram_of(parts: Sequence[Batch], gradient: Gradient) -> Float:
    """Shape (n, n): inner products of the gradients of the parts' mean losses.

    Gradients of which n copies fit into `EXACT_FLOATS` are kept whole, larger ones as sketches (see `sketch`).
    """
    kept: list[Tensor] = []
    for part in parts:
        found = gradient(part)
        share = float(part.weights.sum()) / part.total
        kept.append(flattened(found, len(parts)) / share)
    return gram(kept)


def flattened(gradient: list[Tensor], copies: int) -> Tensor:
    """A gradient as one float32 vector: whole if `copies` of it fit into `EXACT_FLOATS`, else its sketch."""
    exact = copies * sum(each.numel() for each in gradient) <= EXACT_FLOATS
    return torch.cat([each.flatten().float() for each in gradient]) if exact else sketch(gradient)


def gram_of_parts(view: StepView, parts: int) -> Float:
    """`gram_of` equal parts of the step's batch, computed once a step for all probes that ask for as many."""
    key = ("gram of parts", parts)
    if key not in view.shared:
        view.shared[key] = gram_of(equal_parts(view.batch, parts), view.gradient_of)
    found: Float = view.shared[key]
    return found


def gram(vectors: Sequence[Tensor]) -> Float:
    """Shape (n, n), float64: all inner products of n vectors of one length."""
    found = np.zeros((len(vectors), len(vectors)))
    for i, first in enumerate(vectors):
        for j in range(i, len(vectors)):
            found[i, j] = found[j, i] = float(torch.dot(first, vectors[j]))
    return found


def cosines(gram: Float) -> Float:
    """Shape (n, n): cosines from inner products; NaN beside a vector that is zero.

    (1, 0), (1, 1), (0, 2) give .7071068, 0 and .7071068 beside the diagonal.
    """
    norms = np.sqrt(np.diag(gram))
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Float = gram / np.outer(norms, norms)
    return found


def above_diagonal(square: Float) -> Float:
    """The entries above the diagonal, row by row."""
    found: Float = square[np.triu_indices(len(square), 1)]
    return found


def sketch(tensors: Iterable[Tensor], size: int = SKETCH_SIZE) -> Tensor:
    """Count sketch of the tensors laid end to end, shape (size,), float32.

    Every entry is added to one of `size` places with one of two signs, both from a fixed multiplicative hash of its
    position. Inner products stay right on average, with a standard error of about √(2/size) of the norms' product
    (Charikar et al. 2002; Weinberger et al., arXiv 0902.2206). `size` is a power of two.
    """
    bits = size.bit_length() - 1
    total: Tensor | None = None
    for layer, tensor in enumerate(tensors):
        if total is None:
            total = torch.zeros(size, device=tensor.device)
        flat = tensor.flatten()
        for first in range(0, len(flat), _STRETCH):
            stretch = flat[first : first + _STRETCH].float()
            place = torch.arange(first, first + len(stretch), device=flat.device)
            mixed = (place + 1) * _MULTIPLIER + (layer + 1) * _MULTIPLIER_OF_LAYER % 2**62  # int64 wraps round
            mixed = (mixed ^ (mixed >> 29)) * _MULTIPLIER_OF_LAYER
            where = (mixed >> (63 - bits)) & (size - 1)
            sign = 1.0 - 2.0 * ((mixed >> 11) & 1)
            total.index_add_(0, where, stretch * sign)
    if total is None:
        raise ValueError("nothing to sketch")
    return total
