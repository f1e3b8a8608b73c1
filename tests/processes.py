"""The web process and the workers of `make run`, started against the tests' database."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from django.conf import settings
from django.db import connection

from chimera.launch.processes import Child, Family, wait_for

ROOT = Path(__file__).resolve().parent.parent
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
T = TypeVar("T")


def environment() -> dict[str, str]:
    """For children that are to see what the test has committed."""
    name = connection.settings_dict["NAME"]
    return {
        **ONE_THREAD,
        "DATABASE_URL": re.sub(r"/\w+(\?|$)", rf"/{name}\1", os.environ["DATABASE_URL"]),
        "CHIMERA_DATA_DIR": str(settings.DATA_DIR),
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "HF_HUB_OFFLINE": "1",
    }


def start_worker(family: Family, log: Path, *, concurrency: int = 1, module: str = "celery", **extra: str) -> Child:
    """A worker as `make run` starts it, with short leases. `module` is run in the place of celery."""
    quick = {"CHIMERA_LEASE_SECONDS": "4", "CHIMERA_HEARTBEAT_SECONDS": "1", "CHIMERA_SWEEP_SECONDS": "1"}
    command = [sys.executable, "-m", module, "-A", "chimera.celery", "worker", "-Q", "cpu", "-c", str(concurrency)]
    command += ["-n", "cpu@%h", "--loglevel", "warning", "--without-gossip", "--without-mingle"]
    return family.start("worker", command, log, environment={**environment(), **quick, **extra}, cwd=ROOT)


def start_web(family: Family, log: Path) -> str:
    """The web process on a free port; back with its address when it serves the login page."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "chimera.asgi:application",
        "--port",
        str(port),
        "--log-level",
        "warning",
    ]
    child = family.start("web", command, log, environment=environment(), grace=5, cwd=ROOT)
    wait_for(lambda: _serves(port), child, seconds=60)
    return f"http://127.0.0.1:{port}"


def kill(worker: Child) -> None:
    """SIGKILL to the worker and its pool processes, as when the machine goes down."""
    os.killpg(worker.process.pid, signal.SIGKILL)
    worker.process.wait()


def eventually(ask: Callable[[], T | None], *, worker: Child, seconds: float = 60.0) -> T:
    """The first true answer of `ask`. Fails when the worker dies or the time is over, with the end of its log."""
    end = time.monotonic() + seconds
    while not (answer := ask()):
        assert worker.running, worker.obituary()
        assert time.monotonic() < end, f"not within {seconds:.0f} s; {worker.log.read_text()[-3000:]}"
        time.sleep(0.01)
    return answer


def _serves(port: int) -> bool:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        client.request("GET", "/login/")
        return client.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        client.close()
