"""The pool of worker processes: results, errors, death and stopping."""

import os
import sys
from pathlib import Path

import pytest

from chimera.context import Paused
from chimera.typed import Config
from curriculum_app.core.worker_pool import WorkerFailed, run_tasks


class Job(Config):
    """What a worker is told in these tests."""

    path: str
    act: str = "write"


def work(job: Job) -> None:
    if job.act == "raise":
        raise ValueError("no such luck")
    if job.act == "die":
        os._exit(3)
    print("libraries may print")
    Path(job.path).write_text(f"{os.getpid()} {sys.modules.get('torch') is not None}")


def run(tmp_path: Path, acts: list[str], workers: int = 2, check=lambda: None) -> list[int]:
    jobs = [Job(path=str(tmp_path / str(number)), act=act) for number, act in enumerate(acts)]
    return list(run_tasks(__name__, "work", jobs, workers, check))


def test_every_task_is_done_once_in_other_processes(tmp_path: Path) -> None:
    assert sorted(run(tmp_path, ["write"] * 6)) == list(range(6))
    said = [(tmp_path / str(number)).read_text().split() for number in range(6)]
    assert str(os.getpid()) not in {process for process, _ in said}
    assert {torch for _, torch in said} == {"False"}


def test_one_worker_runs_in_this_process(tmp_path: Path) -> None:
    assert run(tmp_path, ["write", "write"], workers=1) == [0, 1]
    assert (tmp_path / "1").read_text().startswith(str(os.getpid()))


def test_an_error_in_a_task_carries_its_traceback(tmp_path: Path) -> None:
    with pytest.raises(WorkerFailed, match="no such luck"):
        run(tmp_path, ["write", "raise", "write"])


def test_the_death_of_a_worker_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(WorkerFailed, match="exit code 3"):
        run(tmp_path, ["die", "die"])


def test_a_stop_kills_the_workers(tmp_path: Path) -> None:
    def stop() -> None:
        raise Paused

    with pytest.raises(Paused):
        run(tmp_path, ["write"] * 4, check=stop)


def test_no_tasks_are_no_work(tmp_path: Path) -> None:
    assert run(tmp_path, []) == []
