"""How many rows of logits exist at once: the loss works in chunks, the prediction of memory counts them (pure)."""

from __future__ import annotations

from typing import Literal

CPU_LOGITS = 2**20  # 4 MB of float32: few large products, and still in a processor's last cache
CPU_ROWS = 64  # at least, whatever the vocabulary
CUDA_ROWS = 4096  # a GPU wants few and large products


def logit_rows(device: Literal["cpu", "cuda"], vocabulary: int) -> int:
    """Rows of one chunk: 512 at a vocabulary of 2,048, 64 at 49,152."""
    return CUDA_ROWS if device == "cuda" else max(CPU_ROWS, CPU_LOGITS // vocabulary)
