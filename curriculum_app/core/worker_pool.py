"""A small pool of worker processes for pure functions, usable inside a Celery prefork child.

`multiprocessing` is not: Celery's children are daemonic and may have no children of that kind. Each worker here is
`python -m curriculum_app.core.worker_pool MODULE FUNCTION`, gets one JSON config a line on its standard input and
answers one JSON line. Workers end when their input closes, so they do not outlive a killed parent by more than the
task in hand.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from queue import SimpleQueue

from chimera.typed import Config

_POLL_SECONDS = 0.5
_ROOT = Path(__file__).resolve().parents[2]


class WorkerFailed(RuntimeError):
    """A worker process died or its function raised; the message holds its traceback."""


def run_tasks(
    module: str, function: str, tasks: Sequence[Config], workers: int, check: Callable[[], None]
) -> Iterator[int]:
    """Run `module.function(task)` for every task; yields the index of each finished task.

    `check` is called at least twice a second and may raise to stop: the workers are then killed. With one worker or
    one task everything runs in this process.
    """
    workers = min(workers, len(tasks))
    if workers <= 1:
        call = getattr(importlib.import_module(module), function)
        for index, task in enumerate(tasks):
            check()
            call(task)
            yield index
        return
    pool = [_Worker(module, function, type(tasks[0])) for _ in range(workers)]
    try:
        yield from _run_in(pool, tasks, check)
    finally:
        for worker in pool:
            worker.kill()


def _run_in(pool: list[_Worker], tasks: Sequence[Config], check: Callable[[], None]) -> Iterator[int]:
    free: SimpleQueue[_Worker] = SimpleQueue()
    for worker in pool:
        free.put(worker)

    def call(index: int) -> int:
        worker = free.get()
        worker.call(tasks[index])
        free.put(worker)
        return index

    executor = ThreadPoolExecutor(len(pool))
    try:
        pending: set[Future[int]] = {executor.submit(call, index) for index in range(len(tasks))}
        while pending:
            check()
            done, pending = wait(pending, _POLL_SECONDS, FIRST_COMPLETED)
            yield from sorted(future.result() for future in done)
    finally:
        for worker in pool:
            worker.kill()  # frees a thread that waits for an answer
        executor.shutdown(cancel_futures=True)


class _Worker:
    def __init__(self, module: str, function: str, task: type[Config]) -> None:
        paths = [str(_ROOT), os.environ.get("PYTHONPATH", "")]
        environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, paths))}
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, module, function, task.__module__, task.__qualname__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )

    def call(self, task: Config) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(task.model_dump_json().encode() + b"\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except (BrokenPipeError, ValueError):
            answer = b""
        if not answer:
            raise WorkerFailed(f"a worker process ended (exit code {self._process.wait()}) in the middle of a task")
        error = json.loads(answer)["error"]
        if error:
            raise WorkerFailed(error)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None and not stream.closed:
                with_pipe_gone(stream.close)


def with_pipe_gone(close: Callable[[], None]) -> None:
    """Close a pipe whose other end may be dead with unsent bytes in the buffer."""
    try:
        close()
    except BrokenPipeError:
        return


def main(module: str, function: str, task_module: str, task_class: str) -> None:
    """The worker: tasks from standard input, answers to standard output, which is kept free of library prints."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    call = getattr(importlib.import_module(module), function)
    task_type: type[Config] = getattr(importlib.import_module(task_module), task_class)
    for line in sys.stdin:
        try:
            call(task_type.model_validate_json(line))
            error = ""
        except Exception:
            error = traceback.format_exc()
        answers.write(json.dumps({"error": error}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
