"""Which queue a job waits in: its config says what device it wants, live workers say what there is."""

from __future__ import annotations

from typing import Any

from chimera.errors import InputError, Problem
from chimera.jobs import selectors
from chimera.jobs.kinds import QUICK, JobKind, all_kinds
from chimera.jobs.models import Job

CPU, GPU = "cpu", "gpu"


def queue_for(kind: JobKind, config: Any) -> str:
    """`device: cuda` waits for a GPU worker, `auto` only if one is alive now; anything else as its kind says.

    What somebody waits for at a screen goes to a worker of its own, past hours of training, where one is alive.
    """
    device = getattr(config, "device", "")
    if device == "cuda" or (device == "auto" and selectors.queue_is_served(GPU)):
        return GPU
    if kind.queue == QUICK and not selectors.queue_is_served(QUICK):
        return CPU
    return kind.queue


def known_queues() -> list[str]:
    """Every queue that a job may be moved to."""
    offered = {CPU, GPU, *(kind.queue for kind in all_kinds())} - {QUICK}  # without a worker nothing waits there
    return sorted(offered | selectors.served_queues())


def check_fits(job: Job, queue: str) -> None:
    """Whether `job` may wait in `queue`.

    Raises:
        InputError: there is no such queue, or the job has asked for a GPU and `queue` is for CPUs.
    """
    known = known_queues()
    if queue not in known:
        raise InputError(Problem(f"there is no queue {queue!r}", field="queue", hint=f"one of {', '.join(known)}"))
    if queue == CPU and job.config.get("device") == "cuda":
        hint = "start one like it with device auto or cpu"
        raise InputError(Problem(f"{job.uid} asks for device cuda and would fail on a CPU", field="queue", hint=hint))
