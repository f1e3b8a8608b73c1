"""The machine and the versions that a run had: what may explain that it cannot be repeated digit for digit."""

from __future__ import annotations

import platform
import socket
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_LIBRARIES = ("chimera", "torch", "transformers", "tokenizers", "numpy", "peft", "accelerate")


def environment() -> dict[str, str]:
    """Host, system, processor, accelerator, Python and libraries; what cannot be known is left out."""
    facts = {
        "host": socket.gethostname(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _processor(),
        "accelerator": _accelerator(),
        "python": platform.python_version(),
        **{name: _version(name) for name in _LIBRARIES},
    }
    return {name: said for name, said in facts.items() if said}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # Chimera runs from its checkout
        return ""


def _processor(path: Path = Path("/proc/cpuinfo")) -> str:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor())


def _accelerator() -> str:
    import torch

    return str(torch.cuda.get_device_name()) if torch.cuda.is_available() else ""
