"""The workers of this installation and how fast they were measured to be."""

from __future__ import annotations

from dataclasses import dataclass

from chimera.jobs.models import Worker
from chimera.jobs.selectors import workers_alive
from training_app.core.footprint import Rates
from training_app.models import WorkerSpeed


@dataclass(frozen=True)
class Machine:
    """A host with live workers, and the speeds of its devices."""

    workers: list[Worker]
    speeds: list[WorkerSpeed]


def machines() -> list[Machine]:
    """Live workers by host (workers belong to no project)."""
    by_host: dict[str, list[Worker]] = {}
    for worker in workers_alive():
        by_host.setdefault(worker.host, []).append(worker)
    speeds = list(WorkerSpeed.objects.filter(host__in=by_host))
    return [Machine(found, [speed for speed in speeds if speed.host == host]) for host, found in by_host.items()]


def all_speeds() -> list[WorkerSpeed]:
    """Every measured device, those of GPUs and of few threads first."""
    return list(WorkerSpeed.objects.order_by("host", "-device", "threads"))


def rates_of(speed: WorkerSpeed, precision: str) -> Rates:
    """The speed as the formulas take it."""
    return Rates({int(width): rate for width, rate in speed.matmul[precision].items()}, speed.bandwidth)
