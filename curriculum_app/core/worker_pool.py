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
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread

from chimera.typed import Config

_POLL_SECONDS = 0.5
_PIPE_BYTES = 1 << 18  # a whole page fits, so that the two sides need not take turns over it
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
    waiting: SimpleQueue[int] = SimpleQueue()
    results: SimpleQueue[int | WorkerFailed] = SimpleQueue()
    for index in range(len(tasks)):
        waiting.put(index)
    threads = [Thread(target=_serve, args=(worker, tasks, waiting, results), daemon=True) for worker in pool]
    try:
        for thread in threads:
            thread.start()
        for _ in tasks:
            yield _next_result(results, check)
    finally:
        for worker in pool:
            worker.kill()  # its thread finds no answer and ends
        for thread, worker in zip(threads, pool, strict=True):
            thread.join()
            worker.close()


def _serve(
    worker: _Worker, tasks: Sequence[Config], waiting: SimpleQueue[int], results: SimpleQueue[int | WorkerFailed]
) -> None:
    """Give one worker tasks until none is left or one failed."""
    try:
        while True:
            index = waiting.get_nowait()
            worker.call(tasks[index])
            results.put(index)
    except WorkerFailed as error:
        results.put(error)
    except Empty:
        return


def _next_result(results: SimpleQueue[int | WorkerFailed], check: Callable[[], None]) -> int:
    while True:
        check()
        try:
            result = results.get(timeout=_POLL_SECONDS)
        except Empty:
            continue
        if isinstance(result, WorkerFailed):
            raise result
        return result


def start_python(module: str, *arguments: str) -> subprocess.Popen[bytes]:
    """`python -m module arguments` with pipes to it and from it; it finds this code wherever it is started."""
    paths = [str(_ROOT), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, pipesize=_PIPE_BYTES
    )


class _Worker:
    def __init__(self, module: str, function: str, task: type[Config]) -> None:
        self._process = start_python(__name__, module, function, task.__module__, task.__qualname__)

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

    def close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            with suppress(BrokenPipeError):  # unsent bytes of a task that nobody will do
                stream.close()


def main(module: str, function: str, task_module: str, task_class: str) -> None:
    """The worker: tasks from standard input, answers to standard output, which is kept free of library prints."""
    sys.modules["torch"] = None  # type: ignore[assignment] # spaCy would load it unasked: 1.7 s and 200 MB a worker
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
