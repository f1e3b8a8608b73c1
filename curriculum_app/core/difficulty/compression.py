"""Compression ratio: how much redundancy a compressor finds."""

from __future__ import annotations

import zlib
from typing import Literal

import numpy as np
import zstandard
from numpy.typing import ArrayLike

from curriculum_app.core.mixture_curve import Float

Codec = Literal["zlib", "zstd"]
LARGEST_LEVEL: dict[Codec, int] = {"zlib": 9, "zstd": 22}
RELIABLE_BYTES = 200  # below this the fixed cost of the format dominates


def compression_ratio(text: str, codec: Codec = "zlib", level: int = 9) -> float:
    """UTF-8 bytes / compressed bytes; higher means more redundant, thus easier. An empty text has ratio 1."""
    raw = text.encode("utf-8", "surrogatepass")
    if not raw:
        return 1.0
    packed = zlib.compress(raw, level) if codec == "zlib" else zstandard.ZstdCompressor(level).compress(raw)
    return len(raw) / len(packed)


def shrink_short(ratios: ArrayLike, num_bytes: ArrayLike) -> Float:
    """Shape (D,): ratios of texts below `RELIABLE_BYTES` drawn towards the mean, in proportion to what they lack."""
    values, sizes = np.asarray(ratios, dtype=np.float64), np.asarray(num_bytes, dtype=np.float64)
    trust = np.minimum(1.0, sizes / RELIABLE_BYTES)
    mean = values.mean() if len(values) else 0.0
    return np.asarray(mean + trust * (values - mean), dtype=np.float64)
