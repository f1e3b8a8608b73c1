"""Compression ratio: how much redundancy zlib finds."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import ArrayLike

from curriculum_app.core.mixture_curve import Float

RELIABLE_BYTES = 200  # below this zlib's fixed cost dominates


def compression_ratio(text: str) -> float:
    """UTF-8 bytes / zlib level 9 bytes; higher means more redundant, thus easier. An empty text has ratio 1."""
    raw = text.encode("utf-8", "surrogatepass")
    return len(raw) / len(zlib.compress(raw, 9)) if raw else 1.0


def shrink_short(ratios: ArrayLike, num_bytes: ArrayLike) -> Float:
    """Shape (D,): ratios of texts below `RELIABLE_BYTES` drawn towards the mean, in proportion to what they lack."""
    values, sizes = np.asarray(ratios, dtype=np.float64), np.asarray(num_bytes, dtype=np.float64)
    trust = np.minimum(1.0, sizes / RELIABLE_BYTES)
    mean = values.mean() if len(values) else 0.0
    return np.asarray(mean + trust * (values - mean), dtype=np.float64)
