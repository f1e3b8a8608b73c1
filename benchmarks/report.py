"""What a benchmark returns, and the one JSON line that ends its output."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One measured number against its goal. `peer` is the other side's value in the same unit, where there is one."""

    value: float
    unit: str
    goal: str = ""
    ok: bool = True
    peer: float | None = None


def at_most(value: float, limit: float, unit: str, peer: float | None = None) -> Figure:
    """A figure whose goal is `value <= limit`."""
    return Figure(round(value, 4), unit, f"<= {limit:g}", value <= limit, None if peer is None else round(peer, 4))


def at_least(value: float, limit: float, unit: str, peer: float | None = None) -> Figure:
    """A figure whose goal is `value >= limit`."""
    return Figure(round(value, 4), unit, f">= {limit:g}", value >= limit, None if peer is None else round(peer, 4))


def plain(value: float, unit: str, peer: float | None = None) -> Figure:
    """A figure without a goal, for the reader."""
    return Figure(round(value, 4), unit, peer=None if peer is None else round(peer, 4))


def machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    return {
        "system": platform.platform(),
        "processor": processor(),
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),
    }


def processor() -> str:
    """The processor's own name where Linux tells it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123
            names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.machine()


def as_json(name: str, figures: Mapping[str, Figure]) -> str:
    """One line: `{"name", "machine", "figures": {figure: {"value", "unit", "goal", "ok", "peer"}}}`."""
    report = {"name": name, "machine": machine(), "figures": {key: asdict(f) for key, f in figures.items()}}
    return json.dumps(report, sort_keys=True)


def as_text(figures: Mapping[str, Figure]) -> str:
    """A small table for people."""
    return "\n".join(_line(key, figure) for key, figure in figures.items())


def _line(key: str, figure: Figure) -> str:
    peer = "" if figure.peer is None else f"  peer {figure.peer:g}"
    goal = f"  goal {figure.goal}: {'met' if figure.ok else 'MISSED'}" if figure.goal else ""
    return f"{key:40} {figure.value:>12g} {figure.unit}{peer}{goal}"
