"""Unigram surprisal: how rare a text's tokens are, and what a model without context would need (pure)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from curriculum_app.core.mixture_curve import Float
from curriculum_app.core.packing import HeldOut, Int, Tokens


def unigram_bits(counts: Int) -> Float:
    """Shape (V,): -log2 of each token's probability with add-one smoothing, from its counts (V,)."""
    return np.asarray(np.log2(counts.sum() + len(counts)) - np.log2(counts + 1.0), dtype=np.float64)


def mean_surprisal(documents: Sequence[Tokens], bits: Float) -> Float:
    """Shape (D,): mean bits per token of each document; 0 for an empty one.

    The mean, not the sum that is cl-irt's word rarity: it must not measure length again.
    """
    return np.array([float(bits[tokens].mean()) if len(tokens) else 0.0 for tokens in documents])


def unigram_bits_per_byte(counts: Int, held_out: HeldOut) -> float:
    """Bits per byte of held-out text under the training token frequencies: a model must beat it by using context."""
    return float(unigram_bits(counts)[held_out.predicted()].sum() / held_out.total_bytes)
