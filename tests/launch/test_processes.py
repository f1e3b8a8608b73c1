"""Children end with their parent, and a child that ended is explained."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from chimera.launch.processes import Family, wait_for

ROOT = Path(__file__).resolve().parents[2]
STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(grandchild.pid, flush=True)
time.sleep(600)
"""
FOUNDER = """
import sys, time
from pathlib import Path
from chimera.launch.processes import Family
child = Family().start("sleeper", [sys.executable, "-c", "import time; time.sleep(600)"], Path(sys.argv[1]))
print(child.process.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def family() -> Iterator[Family]:
    family = Family()
    yield family
    family.stop()


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_stopping_ends_a_stubborn_child_and_its_own_children(family: Family, tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    child = family.start("stubborn", python(STUBBORN), log, grace=0.1)
    wait_for(lambda: log.read_text().endswith("\n"), child, seconds=20)
    grandchild = psutil.Process(int(log.read_text()))
    family.stop()
    assert child.process.returncode == -signal.SIGKILL
    psutil.wait_procs([grandchild], timeout=10)
    assert not grandchild.is_running() or grandchild.status() == psutil.STATUS_ZOMBIE


def test_children_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FOUNDER, str(tmp_path / "child.log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    psutil.wait_procs([child], timeout=10)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_a_child_that_ended_is_found_and_explained(family: Family, tmp_path: Path) -> None:
    family.start("steady", python("import time; time.sleep(600)"), tmp_path / "steady.log")
    failed = family.start("failing", python("print('no disk left'); raise SystemExit(3)"), tmp_path / "failing.log")
    failed.process.wait()
    assert family.first_dead() is failed
    assert "failing ended (exit status 3)" in failed.obituary() and "no disk left" in failed.obituary()


def test_waiting_for_a_child_that_has_ended_shows_why(family: Family, tmp_path: Path) -> None:
    child = family.start("failing", python("raise SystemExit('cannot bind')"), tmp_path / "failing.log")
    with pytest.raises(SystemExit, match="cannot bind"):
        wait_for(lambda: False, child, seconds=20)


def test_a_large_log_is_begun_anew_and_kept_once(family: Family, tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    with log.open("wb") as old:
        old.truncate(21 * 1024 * 1024)
    family.start("child", python("print('new')"), log).process.wait()
    assert log.read_text() == "new\n"
    assert (tmp_path / "child.log.1").stat().st_size == 21 * 1024 * 1024
