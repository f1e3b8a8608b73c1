"""The tests' own PostgreSQL and Valkey: the servers of `make run` in a temporary directory, with fsync off.

Started when `tests.settings` is imported and ended with the process. Real servers are used instead where DATABASE_URL
and REDIS_URL name them, which also holds for every child process of a test.
"""

from __future__ import annotations

import atexit
import os
import shutil
from pathlib import Path

from chimera.launch import processes, servers

FAMILY = processes.Family()


def ensure() -> None:
    """Make DATABASE_URL, REDIS_URL and CHIMERA_DATA_DIR name what the tests may write to."""
    if "CHIMERA_TEST_ROOT" in os.environ:  # a child process of a test
        return
    root = servers.socket_directory()
    os.environ["CHIMERA_TEST_ROOT"] = str(root)
    os.environ["CHIMERA_DATA_DIR"] = str(root / "data")
    atexit.register(_end, os.getpid(), root)
    if not os.environ.get("DATABASE_URL"):
        os.environ["DATABASE_URL"] = servers.database_url(root)
        _start_postgres(root)
    if not os.environ.get("REDIS_URL"):
        os.environ["REDIS_URL"] = servers.redis_url(root)
        servers.start_valkey(FAMILY, root, root / "valkey.log")


def _start_postgres(root: Path) -> None:
    servers.start_postgres(FAMILY, root / "postgres", root, root / "postgres.log", durable=False)


def owns_postgres() -> bool:
    """Whether the database is ours to restart, and not one that DATABASE_URL named."""
    return any(child.name == "postgres" for child in FAMILY.children)


def restart_postgres() -> None:
    """End the server with all its connections, as an update of it does, and start it again."""
    server = next(child for child in FAMILY.children if child.name == "postgres")
    FAMILY.children.remove(server)
    processes.stop(server)
    _start_postgres(Path(os.environ["CHIMERA_TEST_ROOT"]))


def _end(owner: int, root: Path) -> None:
    if os.getpid() == owner:  # not in a forked child that inherited this hook
        FAMILY.stop()
        shutil.rmtree(root, ignore_errors=True)
