"""Which accelerator this machine has, as nvidia-smi tells it: no torch, no driver of our own (pure)."""

from __future__ import annotations

import logging
import shutil
import subprocess

log = logging.getLogger(__name__)


def accelerator() -> str:
    """The name of the first GPU, "" without one."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ""
    command = [program, "--query-gpu=name", "--format=csv,noheader"]
    try:
        lines = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.splitlines()
    except (OSError, subprocess.SubprocessError) as error:
        log.warning("nvidia-smi does not answer: %s", error)
        return ""
    return lines[0].strip()[:120] if lines else ""
