"""`make run`: from nothing to an address in the browser, in one process that ends all it started.

Environment: PORT, CHIMERA_WORKERS, CHIMERA_DATA_DIR, DATABASE_URL, REDIS_URL (docs/configuration.md).
"""

from __future__ import annotations

import fcntl
import http.client
import os
import shlex
import shutil
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from chimera import environment
from chimera.accelerators import accelerator
from chimera.launch import servers
from chimera.launch.credentials import ADMIN, kept_secret, password_file, write_private
from chimera.launch.processes import Child, Family, wait_for

ROOT = Path(__file__).resolve().parent.parent.parent
HOST = "127.0.0.1"
FIRST_PORT, LAST_PORT = 8000, 8040
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_FOR_SHELLS = ("DATABASE_URL", "REDIS_URL", "CHIMERA_DATA_DIR", "CHIMERA_SECRET_KEY", "DJANGO_SETTINGS_MODULE")
_ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class Interrupted(Exception):
    """Ctrl-C, or the like."""


def main() -> int:
    data = environment.path("CHIMERA_DATA_DIR", ROOT / ".data")
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    port = choose_port()
    family = Family()
    with alone(data, f"http://{HOST}:{port}"), private_directory() as sockets:
        listen_to_signals()
        try:
            start(family, data, sockets, port)
            announce(data, port)
            return watch(family)
        except Interrupted:
            print("\nEnding: waiting for the workers to let go ...", flush=True)
            return 0
        finally:
            shell_file(data).unlink(missing_ok=True)
            family.stop()
            print("Everything has ended. `make run` starts again where this left off.", flush=True)


def start(family: Family, data: Path, sockets: Path, port: int) -> None:
    """Servers, then tables, then web and workers; back when the login page answers."""
    logs = data / "logs"
    say("PostgreSQL and Valkey")
    os.environ.update(shared_environment(data))
    start_servers(family, data, sockets, logs)
    write_private(shell_file(data), shell_lines())
    say("tables, static files, starter project")
    run_to_end(
        family.start("prepare", [sys.executable, "-m", "chimera.launch.prepare"], logs / "prepare.log", cwd=ROOT),
        family,
    )
    say("web and workers")
    start_worker(family, logs)
    command = [sys.executable, "-m", "uvicorn", "chimera.asgi:application", "--host", HOST, "--port", str(port)]
    web = family.start(
        "web", [*command, "--log-level", "warning", "--no-access-log"], logs / "web.log", grace=5, cwd=ROOT
    )
    wait_for(lambda: answers(port), web, seconds=120)


def start_servers(family: Family, data: Path, sockets: Path, logs: Path) -> None:
    """The private servers, unless the environment names real ones."""
    if not os.environ.get("DATABASE_URL"):
        servers.start_postgres(family, data / "postgres", sockets, logs / "postgres.log")
        os.environ["DATABASE_URL"] = servers.database_url(sockets)
    if not os.environ.get("REDIS_URL"):
        servers.start_valkey(family, sockets, logs / "valkey.log")
        os.environ["REDIS_URL"] = servers.redis_url(sockets)


def start_worker(family: Family, logs: Path) -> None:
    """Workers with processes of one thread each, and one for the GPU; they also sweep (chimera/jobs/sweep.py)."""
    variables = {name: os.environ.get(name) or "1" for name in _ONE_THREAD}
    if has_gpu():
        command = worker_command("gpu", 1, "--max-tasks-per-child", "1")  # a new process for each job frees its memory
        family.start("worker-gpu", command, logs / "worker-gpu.log", environment=variables, grace=15, cwd=ROOT)
        variables = {**variables, "CUDA_VISIBLE_DEVICES": ""}  # what waits for a CPU leaves the GPU alone
    quick = worker_command("quick", 1)  # previews, dry runs, answers: they do not wait behind training
    family.start("worker-quick", quick, logs / "worker-quick.log", environment=variables, grace=15, cwd=ROOT)
    command = worker_command("cpu", environment.integer("CHIMERA_WORKERS", 2))
    family.start("worker", command, logs / "worker.log", environment=variables, grace=15, cwd=ROOT)


def worker_command(queue: str, processes: int, *more: str) -> list[str]:
    """A worker that takes from one queue."""
    command = [sys.executable, "-m", "celery", "-A", "chimera.celery", "worker", "-Q", queue, "-c", str(processes)]
    return [*command, "-n", f"{queue}@%h", "--loglevel", "warning", "--without-gossip", "--without-mingle", *more]


def has_gpu() -> bool:
    """Whether a worker for GPU jobs is started: nvidia-smi shows one and nobody has switched it off."""
    return environment.boolean("CHIMERA_GPU", True) and bool(accelerator())


def shared_environment(data: Path) -> dict[str, str]:
    """What every child gets: the place of the data, the secret, and no wish for the network."""
    return {
        "CHIMERA_DATA_DIR": str(data),
        "CHIMERA_SECRET_KEY": os.environ.get("CHIMERA_SECRET_KEY") or kept_secret(data / "secret_key"),
        "DJANGO_SETTINGS_MODULE": os.environ.get("DJANGO_SETTINGS_MODULE") or "chimera.settings",
        "HF_HUB_OFFLINE": os.environ.get("HF_HUB_OFFLINE") or "1",
        "PYTHONUNBUFFERED": "1",
    }


def shell_file(data: Path) -> Path:
    """For another terminal: `. .data/environment`, then `python manage.py ...` works on the same servers."""
    return data / "environment"


def shell_lines() -> str:
    """This Python first in PATH, and what every child gets, as lines for a shell."""
    lines = [f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"']
    return "\n".join(lines + [f"export {name}={shlex.quote(os.environ[name])}" for name in _FOR_SHELLS]) + "\n"


def choose_port() -> int:
    """PORT if it is given and free, else the first free one from 8000 on.

    Raises:
        SystemExit: the port that was asked for is taken.
    """
    wanted = environment.integer("PORT", 0)
    if wanted:
        if not is_free(wanted):
            raise SystemExit(f"PORT={wanted} is taken or not allowed. Leave PORT out to get the next free one.")
        return wanted
    free = next((port for port in range(FIRST_PORT, LAST_PORT) if is_free(port)), None)
    if free is None:
        raise SystemExit(f"No port from {FIRST_PORT} to {LAST_PORT - 1} is free. Choose one by `make run PORT=...`.")
    return free


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError):
            return False
    return True


def answers(port: int) -> bool:
    """True when the login page is served.

    Raises:
        SystemExit: it is answered by an error.
    """
    connection = http.client.HTTPConnection(HOST, port, timeout=20)
    try:
        connection.request("GET", "/login/")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    if status != http.HTTPStatus.OK:
        raise SystemExit(f"The login page answers with status {status}; the reason stands in logs/web.log.")
    return True


def run_to_end(child: Child, family: Family) -> None:
    """Wait for a child that is to end by itself.

    Raises:
        SystemExit: it failed; the message shows the end of its log.
    """
    if child.process.wait() != 0:
        raise SystemExit(child.obituary())
    family.children.remove(child)


def watch(family: Family) -> int:
    """Return when a child has died: nothing goes on half."""
    while (dead := family.first_dead()) is None:
        time.sleep(0.5)
    print(f"\n{dead.obituary()}\nEnding the rest.", file=sys.stderr, flush=True)
    return 1


@contextmanager
def alone(data: Path, address: str) -> Iterator[None]:
    """Hold this data directory for one launcher at a time.

    Raises:
        SystemExit: another one has it.
    """
    with (data / "lock").open("a+") as lock:
        lock.seek(0)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit(f"Chimera already runs on {data}: {lock.read()}") from None
        lock.truncate(0)
        lock.write(address)
        lock.flush()
        yield


@contextmanager
def private_directory() -> Iterator[Path]:
    """A directory for the sockets that is gone afterwards."""
    directory = servers.socket_directory()
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def listen_to_signals() -> None:
    """The first signal interrupts what runs now; later ones must not interrupt the ending."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        for name in SIGNALS:
            signal.signal(name, signal.SIG_IGN)
        raise Interrupted

    for name in SIGNALS:
        signal.signal(name, interrupt)


def say(step: str) -> None:
    print(f"  starting {step} ...", flush=True)


def announce(data: Path, port: int) -> None:
    file = password_file(data)
    print(f"\nChimera is ready: http://{HOST}:{port}\n")
    if file.exists():
        print(f"  user      {ADMIN}\n  password  {file.read_text()}    (kept in {file})")
    else:
        print("  sign in with your own account; the generated password was changed")
    print(f"  logs      {data / 'logs'}\n\nCtrl-C ends everything.", flush=True)


if __name__ == "__main__":
    sys.exit(main())
