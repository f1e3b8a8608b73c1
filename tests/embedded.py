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


def ensure() -> None:
    """Make DATABASE_URL, REDIS_URL and CHIMERA_DATA_DIR name what the tests may write to."""
    if "CHIMERA_TEST_ROOT" in os.environ:  # a child process of a test
        return
    root = servers.socket_directory()
    os.environ["CHIMERA_TEST_ROOT"] = str(root)
    os.environ["CHIMERA_DATA_DIR"] = str(root / "data")
    children = [*_postgres(root), *_valkey(root)]
    atexit.register(_end, os.getpid(), children, root)


def _postgres(root: Path) -> list[processes.Child]:
    if os.environ.get("DATABASE_URL"):
        return []
    os.environ["DATABASE_URL"] = servers.database_url(root)
    return [servers.start_postgres(root / "postgres", root, root / "postgres.log", durable=False)]


def _valkey(root: Path) -> list[processes.Child]:
    if os.environ.get("REDIS_URL"):
        return []
    os.environ["REDIS_URL"] = servers.redis_url(root)
    return [servers.start_valkey(root, root / "valkey.log")]


def _end(owner: int, children: list[processes.Child], root: Path) -> None:
    if os.getpid() == owner:  # not in a forked child that inherited this hook
        processes.stop_all(children)
        shutil.rmtree(root, ignore_errors=True)
