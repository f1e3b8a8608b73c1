"""The private PostgreSQL and Valkey."""

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from chimera.launch import servers
from chimera.launch.processes import Family


@pytest.fixture
def sockets() -> Iterator[Path]:
    directory = servers.socket_directory()
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def family() -> Iterator[Family]:
    family = Family()
    yield family
    family.stop()


def deep(tmp_path: Path) -> Path:
    """A directory whose path is longer than a socket's may be."""
    directory = tmp_path / ("d" * 120)
    directory.mkdir()
    return directory


def start(family: Family, home: Path, sockets: Path) -> psycopg.Connection:
    servers.start_postgres(family, home / "postgres", sockets, home / "postgres.log", durable=False)
    return psycopg.connect(servers.database_url(sockets), autocommit=True)


def test_a_database_in_a_deep_directory_keeps_its_rows_over_a_restart(
    family: Family, sockets: Path, tmp_path: Path
) -> None:
    home = deep(tmp_path)
    with start(family, home, sockets) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    family.stop()
    with start(family, home, sockets) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)


def test_a_leftover_server_is_ended_first(family: Family, sockets: Path, tmp_path: Path) -> None:
    orphan, other_sockets = Family(), servers.socket_directory()
    try:
        start(orphan, tmp_path, other_sockets).close()
        with start(family, tmp_path, sockets) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert orphan.first_dead() is not None
    finally:
        orphan.stop()
        shutil.rmtree(other_sockets)


def test_a_process_number_that_belongs_to_something_else_is_forgotten(
    family: Family, sockets: Path, tmp_path: Path
) -> None:
    start(family, tmp_path, sockets).close()
    family.stop()
    (tmp_path / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n")
    with start(family, tmp_path, sockets) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert psutil.Process().is_running()


def test_nobody_else_can_reach_the_servers(family: Family, sockets: Path, tmp_path: Path) -> None:
    start(family, tmp_path, sockets).close()
    servers.start_valkey(family, sockets, tmp_path / "valkey.log")
    assert redis.Redis.from_url(servers.redis_url(sockets)).ping()
    assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    for child in family.children:
        process = psutil.Process(child.process.pid)
        assert [item for item in process.net_connections("inet") if item.status == psutil.CONN_LISTEN] == []


def test_a_server_that_cannot_start_says_why(family: Family, sockets: Path, tmp_path: Path) -> None:
    start(family, tmp_path, sockets).close()
    family.stop()
    (tmp_path / "postgres" / "postgresql.conf").write_text("shared_buffers = lots\n")
    with pytest.raises(SystemExit, match="shared_buffers"):
        start(family, tmp_path, sockets)


def test_socket_paths_stay_short_when_the_temporary_directory_is_deep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(deep(tmp_path)))
    directory = servers.socket_directory()
    directory.rmdir()
    assert len(str(directory / ".s.PGSQL.5432")) < 107
