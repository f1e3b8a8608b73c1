"""Out of memory, said with numbers and with what to change."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from chimera.errors import InputError, Problem
from chimera.format import byte_size
from curriculum_app.core.schedule import Schedule
from curriculum_app.core.sequences import SequenceTable
from training_app.core.architectures.base import TextShape
from training_app.core.checkpoint import Checkpoint
from training_app.core.configs import TrainConfig
from training_app.core.model import build_model, num_parameters

_ASKED = re.compile(r"ried to allocate ([\d.]+ (?:bytes|[KMGT]iB))")


@contextmanager
def memory_advice(
    config: TrainConfig, schedule: Schedule, table: SequenceTable, base: Checkpoint | None
) -> Iterator[None]:
    """Turn "out of memory" of torch or Python into the sizes at hand and the settings that need less.

    Raises:
        InputError: the same run would need the same memory again, so it is never retried by itself.
    """
    try:
        yield
        return
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        asked = _ASKED.search(str(error))
        said = f"out of memory: {_wanted(config, schedule, table, base)}"
        said += f"; the allocation of {asked[1]} failed" if asked else ""
        problem = Problem(f"{said}; {_available(config)}", field="micro_batch_sequences", hint=advice(config))
    raise InputError(problem)  # outside: the error holds the frames, and these the tensors


def is_out_of_memory(error: BaseException) -> bool:
    """torch has a class for accelerators only; the CPU's allocator raises a plain RuntimeError."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)


def advice(config: TrainConfig) -> str:
    """What to change, the cheapest first; only what is not in use already."""
    at_once = min(config.micro_batch_sequences or config.batch_sequences, config.batch_sequences)
    steps = []
    if at_once > 1:
        steps.append(f"micro_batch_sequences {at_once // 2} (same result, smaller parts)")
    if not config.gradient_checkpointing:
        steps.append("gradient_checkpointing (same result, slower steps)")
    if config.precision != "bf16":
        steps.append("precision bf16 (half the activations)")
    if config.base is not None and config.adapter.key == "none":
        steps.append("the LoRA adapter (no gradient and no optimizer state for the base)")
    return "try " + ", ".join(steps or ["a smaller model, or shorter sequences"])


def _wanted(config: TrainConfig, schedule: Schedule, table: SequenceTable, base: Checkpoint | None) -> str:
    rows = min(config.micro_batch_sequences or config.batch_sequences, config.batch_sequences)
    longest = schedule.max_length
    parameters = _parameters(config, table, base)
    return (
        f"{parameters:,} parameters ({byte_size(4 * parameters)} of weights), "
        f"{rows:,} sequences of up to {longest:,} tokens at once ({rows * longest:,} tokens)"
    )


def _parameters(config: TrainConfig, table: SequenceTable, base: Checkpoint | None) -> int:
    """Counted without memory: from the base's manifest, or on torch's device without storage."""
    if base is not None:
        return int(base.manifest["parameters"])
    text = TextShape(vocab_size=table.vocab_size, max_length=int(table.lengths.max()), eos_id=table.eos_id)
    with torch.device("meta"):
        return num_parameters(build_model(config.model.build(), text, seed=0))


def _available(config: TrainConfig) -> str:
    if config.device != "cpu" and torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info()
        return f"the GPU {torch.cuda.get_device_name()} has {byte_size(total)}, {byte_size(free)} free"
    pages = os.sysconf("SC_PAGE_SIZE")
    total, free = pages * os.sysconf("SC_PHYS_PAGES"), pages * os.sysconf("SC_AVPHYS_PAGES")
    return f"the machine has {byte_size(total)}, {byte_size(free)} free"
