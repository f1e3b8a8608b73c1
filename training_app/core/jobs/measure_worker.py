"""The `measure-worker` job: matmul rates and memory bandwidth of this machine. Torch is imported when it runs."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chimera.context import Context
from training_app.core.configs_models import MeasureWorkerConfig

if TYPE_CHECKING:
    import torch

ROWS = 1024  # tokens that are multiplied at once
WIDTHS = {"cpu": (64, 128, 256, 512, 1024, 2048), "cuda": (128, 512, 1024, 2048, 4096, 8192)}
COPIED = {"cpu": 1 << 26, "cuda": 1 << 30}  # bytes; more than any cache
PRECISIONS = ("float32", "bf16")


@dataclass(frozen=True)
class Speed:
    """One device with a number of threads. `matmul` maps precision → width → FLOP/s; `bandwidth` is read + written."""

    host: str
    device: str
    device_name: str
    threads: int
    memory_bytes: int
    matmul: dict[str, dict[str, float]]
    bandwidth: float
    torch: str


@dataclass(frozen=True)
class MeasureWorkerResult:
    """What was found, one entry per device and number of threads."""

    speeds: list[Speed]


def run(config: MeasureWorkerConfig, ctx: Context) -> MeasureWorkerResult:
    """The processor with one thread (the default of a run) and with all, and the first GPU.

    Raises:
        Cancelled: asked for between two sizes.
    """
    import torch

    most = config.threads or len(os.sched_getaffinity(0))
    places = [("cpu", threads) for threads in sorted({1, most})]
    places += [("cuda", most)] if torch.cuda.is_available() else []
    before = torch.get_num_threads()
    try:
        return MeasureWorkerResult([_speed(config.seconds, place, ctx) for place in places])
    finally:
        torch.set_num_threads(before)


def _speed(seconds: float, place: tuple[str, int], ctx: Context) -> Speed:
    import torch

    device, threads = place
    torch.set_num_threads(threads)
    matmul: dict[str, dict[str, float]] = {name: {} for name in PRECISIONS}
    for width in WIDTHS[device]:
        for precision in PRECISIONS:
            ctx.check()
            ctx.progress(len(matmul[precision]), len(WIDTHS[device]), "sizes", f"{device}, {threads} threads")
            matmul[precision][str(width)] = _matmul_rate(torch.device(device), width, precision, seconds)
    return Speed(
        socket.gethostname(), device, _name(device), threads, _memory(device), matmul, _bandwidth(device, seconds),
        torch.__version__,
    )  # fmt: skip


def _matmul_rate(device: torch.device, width: int, precision: str, seconds: float) -> float:
    """FLOP/s of [1024, width] · [width, width]."""
    import torch

    dtype = torch.float32 if precision == "float32" else torch.bfloat16
    left, right = (torch.randn(rows, width, device=device).to(dtype) for rows in (ROWS, width))
    out = torch.empty(ROWS, width, device=device, dtype=dtype)
    calls, spent = _timed(lambda: torch.mm(left, right, out=out), device, seconds)
    return 2.0 * ROWS * width * width * calls / spent


def _bandwidth(device: str, seconds: float) -> float:
    """Bytes read and written a second by a copy."""
    import torch

    source = torch.ones(COPIED[device] // 4, device=device)
    target = torch.empty_like(source)
    calls, spent = _timed(lambda: target.copy_(source), source.device, seconds)
    return 2.0 * COPIED[device] * calls / spent


def _timed(work: Callable[[], Any], device: torch.device, seconds: float) -> tuple[int, float]:
    """How often `work` was done in about `seconds`, and in how many exactly; warmed up before."""
    import torch

    def wait() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    work()
    work()
    wait()
    calls, batch, started = 0, 1, time.perf_counter()
    while (spent := time.perf_counter() - started) < seconds:
        for _ in range(batch):
            work()
        wait()
        calls, batch = calls + batch, min(2 * batch, 64)
    return calls, spent


def _name(device: str) -> str:
    import torch

    if device == "cuda":
        return torch.cuda.get_device_name(0)[:120]
    return torch.backends.cpu.get_cpu_capability()


def _memory(device: str) -> int:
    import torch

    if device == "cuda":
        return int(torch.cuda.get_device_properties(0).total_memory)
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
