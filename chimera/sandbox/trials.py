"""`check_all(trials)`: does a program do what a test says? Answered by two walled processes per trial (pure).

The program runs in the one, the test in the other; only plain values pass between them (`inside.literals`), and the
verdict is made where the program cannot be. Linux only; a machine that can put up no walls refuses to run anything.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from subprocess import PIPE
from typing import BinaryIO, Literal

from chimera.errors import InputError, Problem
from chimera.sandbox.inside.roles import MOST_BYTES
from chimera.sandbox.inside.walls import PROCESSOR_USED_UP, TIME_IS_UP, Limits
from chimera.sandbox.kinds import ENVIRONMENT, KINDS, Role, Walls

Reason = Literal["passed", "failed", "raised", "processor_time", "wall_time", "crashed", "no_verdict"]
MOST_SOURCE = 200_000
GRACE = 5.0  # seconds by which the parent waits longer than the guard does
DEFAULT = Limits()
_Child = subprocess.Popen[bytes]


@dataclass(frozen=True)
class Trial:
    """A program, the function of it that is tested, and a test that defines `check(candidate)`."""

    program: str
    entry: str
    test: str


@dataclass(frozen=True)
class Outcome:
    """`detail` is for a reader: the assertion that failed, the exception, the signal."""

    reason: Reason
    detail: str = ""

    @property
    def passed(self) -> bool:
        return self.reason == "passed"


LATE = Outcome("wall_time", "did not end in time")


def check_all(trials: Iterable[Trial], limits: Limits = DEFAULT, workers: int | None = None) -> Iterator[Outcome]:
    """The outcome of every trial, in order; `workers` at a time (left out: one per processor).

    Raises:
        InputError: this machine can put up no walls; nothing has run.
    """
    walls = usable_walls()
    with ThreadPoolExecutor(workers or len(os.sched_getaffinity(0))) as pool:
        yield from pool.map(lambda trial: _check(walls, trial, limits), trials)


@functools.cache
def usable_walls() -> Walls:
    """The first kind of walls that holds here, as a program behind them tells.

    Raises:
        InputError: none does; says why each does not.
    """
    if not sys.platform.startswith("linux"):
        raise InputError(Problem("programs are run on Linux only", hint="use a worker on Linux"))
    reasons = []
    for walls in KINDS:
        if not (reason := walls.lacking()):
            outcome = _check(walls, _PROBE, DEFAULT)
            if outcome.passed:
                return walls
            reason = outcome.detail or outcome.reason
        reasons.append(f"{walls.title}: {reason}")
    hint = "install bubblewrap, or allow namespaces to the worker (docs/sandbox.md); nothing is run without walls"
    raise InputError(Problem(f"generated programs cannot be run safely here ({'; '.join(reasons)})", hint=hint))


def _check(walls: Walls, trial: Trial, limits: Limits) -> Outcome:
    if len(trial.program) > MOST_SOURCE:
        return Outcome("failed", f"the program is longer than {MOST_SOURCE:,} characters")
    with contextlib.ExitStack() as stack:
        (asked, asks), (tells, told) = (map(stack.enter_context, _pipe()) for _ in range(2))
        candidate = stack.enter_context(_started(walls.command(Role("candidate"), limits), asked, told))
        patient = limits._replace(wall_seconds=limits.wall_seconds + 1, processor_seconds=limits.processor_seconds + 1)
        role, ends = Role("checker", (asks.fileno(), tells.fileno())), (asks.fileno(), tells.fileno())
        checker = stack.enter_context(_started(walls.command(role, patient), PIPE, PIPE, ends))
        for end in (asked, asks, tells, told):
            end.close()
        line = _told(checker, trial, patient.wall_seconds + GRACE)
        return LATE if line is None else _outcome(line, checker, candidate)


def _pipe() -> tuple[BinaryIO, BinaryIO]:
    read, write = os.pipe()
    return os.fdopen(read, "rb", 0), os.fdopen(write, "wb", 0)


@contextlib.contextmanager
def _started(
    command: list[str], stdin: int | BinaryIO, stdout: int | BinaryIO, kept: tuple[int, ...] = ()
) -> Iterator[_Child]:
    """At the end the outer process is killed; the guard dies with it, and all behind the walls."""
    child = subprocess.Popen(
        command,
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.DEVNULL,
        env=ENVIRONMENT,
        cwd="/",
        pass_fds=kept,
        start_new_session=True,
    )
    try:
        yield child
    finally:
        child.kill()
        child.wait()
        for stream in (child.stdin, child.stdout):
            with contextlib.suppress(OSError):
                if stream is not None:
                    stream.close()


def _told(checker: _Child, trial: Trial, seconds: float) -> bytes | None:
    """The one line of the checker, None if it said nothing in time."""
    order = json.dumps({"source": trial.program, "entry": trial.entry, "test": trial.test}).encode() + b"\n"
    try:
        return checker.communicate(order, timeout=seconds)[0][: MOST_BYTES + 1]
    except subprocess.TimeoutExpired:
        return None


def _outcome(line: bytes, checker: _Child, candidate: _Child) -> Outcome:
    try:
        said = json.loads(line)
    except ValueError:
        return _ended(checker, "no_verdict")
    if said["reason"] == "ended":
        return _ended(candidate, "crashed")
    return Outcome(said["reason"], said["detail"])


def _ended(child: _Child, otherwise: Reason) -> Outcome:
    """Why a child has ended, by the exit status that its guard gave it."""
    try:
        status = child.wait(1.0)
    except subprocess.TimeoutExpired:
        return Outcome("failed", "the program answered what is no answer")
    if status == PROCESSOR_USED_UP:
        return Outcome("processor_time", "used up its processor time")
    if status == TIME_IS_UP:
        return LATE
    return Outcome(otherwise, f"killed by signal {status - 128}" if status > 128 else f"ended with status {status}")


_PROBE = Trial(
    program="""
import errno, os, socket
def probe():
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(("192.0.2.1", 9))
        network = "there is a route"
    except OSError as error:
        network = errno.errorcode.get(error.errno)
    try:
        forked = os.fork()
        if not forked:
            os._exit(0)
    except OSError:
        forked = 0
    others = [name for _, name in socket.if_nameindex() if name != "lo"]
    return [network, others, forked, os.getuid() == 0, os.path.exists("/etc/passwd"), os.listdir("/tmp")]
""",
    entry="probe",
    test="""
def check(candidate):
    found = candidate()
    assert found == ["ENETUNREACH", [], 0, False, False, []], f"the walls do not hold: {found}"
""",
)
