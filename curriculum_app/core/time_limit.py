"""A function in a process of its own, with a time limit for each call that holds inside C code too.

Parsers hang in C, where no signal handler of Python runs and no thread gets a turn, and a job may run in a thread,
where signals cannot be used at all. So the function is called in a helper process, which before each call sets two
timers of the kernel whose default action ends the process: one of processor time, so that a busy machine stops nothing
that a quiet one lets pass, and one of ten times as much real time, for a call that waits. The caller sees its helper
end and starts another at the next call. A helper outlives a killed caller by no more than that limit.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import traceback
import weakref
from contextlib import suppress
from subprocess import Popen
from threading import Lock
from typing import Any

from curriculum_app.core.worker_pool import start_python

_REAL_TIME = 10  # times the limit on processor time
_TIMERS = (signal.SIGPROF, signal.SIGALRM)


class TimedOut(Exception):
    """The call took longer than allowed."""


class CallFailed(Exception):
    """The function raised, or its process died; the message says how."""


class TimeLimited:
    """`module.function` with a limit of `seconds` of processor time a call. Arguments and results are JSON values.

    May be used from several threads (one call at a time) and after a fork.
    """

    def __init__(self, module: str, function: str, seconds: float) -> None:
        self._arguments = (module, function, str(seconds))
        self._lock = Lock()
        self._process: Popen[bytes] | None = None
        self._owner = 0

    def call(self, argument: Any) -> Any:
        """The function's result.

        Raises:
            TimedOut: it took too long.
            CallFailed: it raised, or died.
        """
        request = json.dumps(argument).encode() + b"\n"
        with self._lock:
            process = self._running()
            answer = _exchange(process, request)
            if not answer:
                ended = process.wait()
                self._process = None
                self._end()
                if -ended in _TIMERS:
                    raise TimedOut
                raise CallFailed(f"the process of {'.'.join(self._arguments[:2])} ended with {ended}")
        said = json.loads(answer)
        if said["error"]:
            raise CallFailed(said["error"])
        return said["value"]

    def _running(self) -> Popen[bytes]:
        """The helper; another one if there is none, or if it belongs to the process that this one was forked from."""
        if self._process is None or self._owner != os.getpid():
            process = start_python(__name__, *self._arguments)
            if _exchange(process, b"") != b"ready\n":
                raise RuntimeError(f"{'.'.join(self._arguments[:2])} cannot be started: its process ended")
            self._end = weakref.finalize(self, _end, process)
            self._process, self._owner = process, os.getpid()
        return self._process


def _exchange(process: Popen[bytes], request: bytes) -> bytes:
    assert process.stdin is not None and process.stdout is not None
    with suppress(BrokenPipeError):
        process.stdin.write(request)
        process.stdin.flush()
        return process.stdout.readline()
    return b""


def _end(process: Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        assert stream is not None
        with suppress(BrokenPipeError):
            stream.close()


def main(module: str, function: str, seconds: str) -> None:
    """The helper: requests from standard input, answers to standard output, which is kept free of library prints."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    call = getattr(importlib.import_module(module), function)
    limit = float(seconds)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _TIMERS)  # a parent may have blocked or ignored them
    for timer in _TIMERS:
        signal.signal(timer, signal.SIG_DFL)
    answers.write(b"ready\n")
    answers.flush()
    for line in sys.stdin.buffer:
        value, error = None, ""
        _set_timers(limit)
        try:
            value = call(json.loads(line))
        except Exception:
            error = traceback.format_exc()
        _set_timers(0)
        answers.write(json.dumps({"value": value, "error": error}).encode() + b"\n")
        answers.flush()


def _set_timers(seconds: float) -> None:
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, seconds * _REAL_TIME)


if __name__ == "__main__":
    main(*sys.argv[1:])
