"""`start` and `Run`: what a training program uses."""

from __future__ import annotations

import atexit
import os
import platform
import secrets
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from . import leftover
from .buffer import MAX_VALUES, Buffer
from .sender import Sender
from .transport import ClientError, Transport
from .values import bounded, numbers

OPENING_SECONDS = 5.0  # how long `start` waits for the server before training goes on without it
FINISH_SECONDS = 60.0


def start(
    url: str | None = None,
    token: str | None = None,
    *,
    name: str,
    config: Mapping[str, Any] | None = None,
    group: str = "",
    seed: int = 0,
    id: str | None = None,
    resume_step: int | None = None,
    steps: int | None = None,
    tokens: int | None = None,
    source: str = "client",
    max_values: int = MAX_VALUES,
) -> Run:
    """Start a run in the project that `token` belongs to.

    Args:
        url: address of the server; default: the environment's CHIMERA_URL.
        token: an API token of an editor; default: CHIMERA_TOKEN.
        config: the program's settings, shown with the run and compared with those of others.
        group, seed: runs of one group are drawn as mean and range over seeds.
        id: names the run for a program that is started again: the same id goes on with the same run.
        resume_step: with `id`: go back to the end of this step; later points of the run are cut.
        steps, tokens: how many there will be, for progress and time left.
        max_values: how many numbers wait in memory while the server is away.

    Raises:
        ClientError: the server refuses (wrong token, a role that may not write, a run that has ended). A server that
            cannot be reached is no error: what is logged waits for it.
    """
    url, token = url or os.environ.get("CHIMERA_URL", ""), token or os.environ.get("CHIMERA_TOKEN", "")
    if not (url and token):
        raise ClientError("say url and token, or set CHIMERA_URL and CHIMERA_TOKEN")
    opening = {
        "name": name[:200], "group": group[:200], "seed": seed, "source": source, "steps": steps,
        "budget_tokens": tokens, "settings": bounded(config), "id": id or secrets.token_hex(12),
        "resume_step": resume_step, "program": _program(),
    }  # fmt: skip
    sender = Sender(Transport(url, token), Buffer(max_values), opening)
    sender.opened.wait(OPENING_SECONDS)
    if sender.stopped is not None:
        raise sender.stopped
    return Run(sender)


def _program() -> str:
    return f"python {platform.python_version()} on {platform.node()}, process {os.getpid()}"[:200]


class Run:
    """A run that is being logged. Used by one thread; as a context manager it ends well, or failed with the error."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._step = (sender.started or {}).get("step", 0)
        self._finished = False
        self._process = os.getpid()
        self._warned: set[str] = set()
        atexit.register(self._at_exit)

    @property
    def id(self) -> str:
        """Give it to `start` to go on with this run."""
        return str(self._sender.opening["id"])

    @property
    def url(self) -> str:
        """The run's page; empty as long as the server could not be reached."""
        return str((self._sender.started or {}).get("url", ""))

    @property
    def should_stop(self) -> bool:
        """Whether a user has cancelled the run, an alert rule wants it to end, or another program has taken it over."""
        return self._sender.cancelled

    @property
    def lost(self) -> int:
        """Points that found no room in the buffer or were refused."""
        return self._sender.buffer.lost.points

    def log(self, values: Mapping[str, Any], step: int | None = None, tokens: int | None = None) -> None:
        """Add the values of one step; `tokens` seen up to and including it. Without `step` it is the next one.

        Nested mappings become keys with slashes; what is no number is left out. Steps never fall.
        """
        if not self._open():
            return
        step = self._step + 1 if step is None else int(step)
        if step < self._step:
            message = f"step {step} comes after step {self._step} and is left out; start(resume_step=…) goes back"
            self._warn("step", message)
            return
        self._step = step
        point = {"step": step, "tokens": tokens, "time": time.time(), "values": self._numbers(values)}
        if not self._sender.buffer.add_point(point):
            self._warn("full", "the buffer is full: points are lost until the server is back")

    def event(self, message: str, kind: str = "note", step: int | None = None) -> None:
        """Something that happened, drawn on the charts of the run at `step` (default: the last one logged)."""
        if self._open():
            at = self._step if step is None else int(step)
            self._sender.buffer.add_event({"kind": kind[:40], "message": message[:500] or kind, "step": at})

    def finish(self, failed: str = "", timeout: float = FINISH_SECONDS) -> None:
        """Send what waits and end the run: well, or as failed with the reason. What cannot be sent goes to a file."""
        if not self._open():
            return
        self._finished = True
        atexit.unregister(self._at_exit)
        lost = self._sender.buffer.lost
        if lost.points:
            message = f"{lost.points:,} points of steps {lost.first:,} to {lost.last:,} are lost: no room, or refused"
            self._sender.buffer.add_event({"kind": "lost", "message": message, "step": lost.first})
        state = "failed" if failed else "succeeded"
        if not self._sender.finish(state, failed, timeout) and len(self._sender.buffer):
            self._leave({"state": state, "message": failed[:300]})

    def _leave(self, end: dict[str, str]) -> None:
        path = Path(f"chimera-run-{self.id}.jsonl").absolute()
        leftover.write(path, leftover.Head(self._sender.opening, self._sender.started, end), self._sender.buffer)
        command = f"python -m chimera.client send {path}"
        warnings.warn(f"chimera: not everything could be sent; the rest is in {path}. Later: {command}", stacklevel=3)

    def _numbers(self, values: Mapping[str, Any]) -> dict[str, float | str]:
        found = dict(numbers(values))
        for key in [key for key, value in found.items() if value is None]:
            self._warn(key, f"{key} is no number and is left out")
        return {key: value for key, value in found.items() if value is not None}

    def _open(self) -> bool:
        """Whether this process may log; one that was forked from it has no sending thread."""
        return not self._finished and os.getpid() == self._process

    def _warn(self, about: str, message: str) -> None:
        """Once for each thing."""
        if about not in self._warned:
            self._warned.add(about)
            warnings.warn(f"chimera: {message}", stacklevel=3)

    def _at_exit(self) -> None:
        self.finish(failed="the program ended without saying how", timeout=10.0)

    def __enter__(self) -> Run:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        stopped = kind is not None and not (kind is SystemExit and getattr(error, "code", 0) in (0, None))
        self.finish(failed=f"{kind.__name__}: {error}"[:300] if stopped and kind is not None else "")
