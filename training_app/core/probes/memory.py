"""Memory of the process and of the GPU."""

from __future__ import annotations

import resource
import sys

from pydantic import Field

from training_app.core.metric_keys import MetricKey
from training_app.core.probes.base import PROBES, Probe, ProbeConfig, StepView

MIB = 2**20


@PROBES.register("memory")
class Memory(Probe):
    """Memory of the worker's process and what torch has allocated on its GPU.

    Chimera's own: a run should say what it needs before the machine says that there is no more.
    """

    title = "Memory"
    of_the_machine = True
    metrics = (
        MetricKey("memory/rss", "Memory now", "MiB", "lower", "Resident set of the worker's process."),
        MetricKey("memory/peak", "Memory, peak", "MiB", "lower", "Since the process was started."),
        MetricKey("memory/cuda", "GPU memory now", "MiB", "lower", "Allocated by torch."),
        MetricKey("memory/cuda_peak", "GPU memory, peak", "MiB", "lower", "Allocated by torch, since the start."),
    )

    class Config(ProbeConfig):
        """Cadence."""

        every: int = Field(20, ge=1, title="Every", description="steps between two measurements")

    config: Config

    def __init__(self, config: Config) -> None:
        self.config = config

    def measure(self, view: StepView) -> dict[str, float]:
        import psutil

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        values = {"memory/rss": psutil.Process().memory_info().rss / MIB, "memory/peak": peak / MIB}
        if view.model.device.type == "cuda":
            import torch

            values["memory/cuda"] = torch.cuda.memory_allocated(view.model.device) / MIB
            values["memory/cuda_peak"] = torch.cuda.max_memory_allocated(view.model.device) / MIB
        return values
