"""Child processes with a log file each, in their own sessions, ended together (pure)."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LOG_LIMIT_BYTES = 20 * 1024 * 1024


@dataclass(frozen=True)
class Child:
    """A started process. `stop_signal` asks it to end; after `grace` seconds its whole process group is killed."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    stop_signal: signal.Signals
    grace: float

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def obituary(self, num_lines: int = 20) -> str:
        """Why it is gone, with the end of its log."""
        tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-num_lines:])
        return f"{self.name} ended ({_ending(self.process.returncode)}). The end of {self.log}:\n{tail}"


@dataclass(frozen=True)
class Identity:
    """The unprivileged user that a root launcher runs a server as."""

    uid: int
    gid: int


class Family:
    """The children of one parent: started through it, ended together, the last started first."""

    def __init__(self) -> None:
        self.children: list[Child] = []

    def start(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        environment: dict[str, str] | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        grace: float = 10.0,
        identity: Identity | None = None,
        cwd: Path | None = None,
    ) -> Child:
        """Start `command` with its output in `log`. It also ends when this process dies in any way (Linux)."""
        _rotate(log)
        with log.open("ab") as out:
            process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                cwd=cwd,
                start_new_session=True,
                user=identity.uid if identity else None,
                group=identity.gid if identity else None,
                extra_groups=[] if identity else None,
                preexec_fn=_die_with_parent(stop_signal),
            )
        child = Child(name, process, log, stop_signal, grace)
        self.children.append(child)
        return child

    def first_dead(self) -> Child | None:
        return next((child for child in self.children if not child.running), None)

    def stop(self) -> None:
        """End every child; each is waited for before the next is asked."""
        while self.children:
            stop(self.children.pop())


def stop(child: Child) -> None:
    """Ask, wait, then kill what is left of the process group."""
    with suppress(ProcessLookupError):
        child.process.send_signal(child.stop_signal)
    with suppress(subprocess.TimeoutExpired):
        child.process.wait(child.grace)
    with suppress(ProcessLookupError):
        os.killpg(child.process.pid, signal.SIGKILL)
    child.process.wait()


def wait_for(ready: Callable[[], bool], child: Child, seconds: float) -> None:
    """Return when `ready()` is true.

    Raises:
        SystemExit: the child ended, or the time is over; the message shows the end of its log.
    """
    end = time.monotonic() + seconds
    while not ready():
        if not child.running:
            raise SystemExit(child.obituary())
        if time.monotonic() > end:
            raise SystemExit(f"{child.name} did not answer within {seconds:.0f} s; see {child.log}")
        time.sleep(0.05)


def _ending(returncode: int) -> str:
    return f"exit status {returncode}" if returncode >= 0 else f"killed by {signal.Signals(-returncode).name}"


def _rotate(log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > _LOG_LIMIT_BYTES:
        log.replace(log.with_suffix(".log.1"))


def _die_with_parent(stop_signal: signal.Signals) -> Callable[[], None] | None:
    """A hook for the forked child: even a SIGKILL of the launcher leaves no orphan behind."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    return lambda: libc.prctl(_PR_SET_PDEATHSIG, int(stop_signal))
