"""`make run` itself, without the installation: started, asked for a page, ended."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import psutil
import psycopg
import pytest

from chimera.launch import __main__ as launch

ROOT = Path(__file__).resolve().parents[2]
PRIVATE = ("DATABASE_URL", "REDIS_URL", "CHIMERA_TEST_ROOT", "DJANGO_SETTINGS_MODULE", "CHIMERA_DATA_DIR")


def launcher(data: Path, **extra: str) -> subprocess.Popen[str]:
    clean = {name: value for name, value in os.environ.items() if name not in PRIVATE}
    return subprocess.Popen(
        [sys.executable, "-m", "chimera.launch"],
        cwd=ROOT,
        env={**clean, "CHIMERA_DATA_DIR": str(data), "CHIMERA_WORKERS": "1", **extra},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def address_of(process: subprocess.Popen[str]) -> str:
    """The printed address, once it is printed."""
    assert process.stdout is not None
    printed = []
    for line in process.stdout:
        printed.append(line)
        if "Chimera is ready" in line:
            return line.split()[-1]
    pytest.fail("".join(printed))


def descendants(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


@pytest.mark.kill
@pytest.mark.timeout(150)
def test_one_command_serves_pages_and_one_signal_ends_all_of_it(tmp_path: Path) -> None:
    data = tmp_path / ("d" * 120) / "data"
    with launcher(data) as process:
        with urllib.request.urlopen(address_of(process) + "/login/") as answer:
            assert answer.status == 200 and b"password" in answer.read()
        started = descendants(process)
        names = " ".join(" ".join(child.cmdline()) for child in started)
        assert all(name in names for name in ("postgres", "valkey-server", "celery", "uvicorn"))
        command = ["sh", "-c", '. "$0" && python manage.py chimera kinds --json', str(data / "environment")]
        kinds = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        assert '"train"' in kinds.stdout
        with launcher(data) as second:
            assert second.wait(30) == 1 and second.stdout is not None
            assert "Chimera already runs on" in second.stdout.read()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert psutil.wait_procs(started, timeout=10)[1] == []
    assert (data / "admin_password").exists() and not (data / "environment").exists()


@pytest.mark.kill
@pytest.mark.timeout(150)
def test_given_servers_are_used_and_a_dead_child_ends_the_rest(tmp_path: Path) -> None:
    database = os.environ["DATABASE_URL"]
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE DATABASE launched")
    given = {
        "DATABASE_URL": database.replace("/chimera?", "/launched?"),
        "REDIS_URL": os.environ["REDIS_URL"] + "?db=5",
    }
    with launcher(tmp_path, **given) as process:
        address_of(process)
        started = descendants(process)
        assert not any(child.name() in ("postgres", "valkey-server") for child in started)
        next(child for child in started if "uvicorn" in child.cmdline()).kill()
        assert process.wait(60) == 1 and process.stdout is not None
        assert "web ended (killed by SIGKILL)" in process.stdout.read()
    assert psutil.wait_procs(started, timeout=10)[1] == []


def test_the_next_port_is_taken_when_the_first_is_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PORT", raising=False)
    with socket.socket() as taken:
        taken.bind((launch.HOST, 0))
        number = taken.getsockname()[1]
        monkeypatch.setattr(launch, "FIRST_PORT", number)
        monkeypatch.setattr(launch, "LAST_PORT", number + 20)
        assert launch.choose_port() > number


def test_a_port_that_was_asked_for_and_is_taken_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind((launch.HOST, 0))
        taken.listen()
        monkeypatch.setenv("PORT", str(taken.getsockname()[1]))
        with pytest.raises(SystemExit, match="is taken"):
            launch.choose_port()
