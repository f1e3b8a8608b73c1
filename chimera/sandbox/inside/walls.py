"""The walls, as a child puts them up around itself: namespaces, a root of its own, no rights, limits (Linux).

Three processes: the outer one waits; the guard is the first of a process namespace of its own, so that its end ends all
others in there; the innermost becomes the program. No system call of theirs needs a package.
"""

# pathlib takes longer to load than all the rest, in every process
# ruff: noqa: PTH102, PTH103, PTH106, PTH114, PTH115, PTH120, PTH123, PTH211

from __future__ import annotations

import ctypes
import os
import resource
import signal
from typing import NamedTuple

TIME_IS_UP, PROCESSOR_USED_UP = 124, 125  # exit statuses of the guard
NOBODY = 65534

NEWNS, NEWCGROUP, NEWUTS, NEWIPC = 0x00020000, 0x02000000, 0x04000000, 0x08000000
NEWUSER, NEWPID, NEWNET = 0x10000000, 0x20000000, 0x40000000
READ_ONLY, NO_SUID, NO_DEV, REMOUNT, BIND, RECURSIVE, PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
DETACH = 2
KEPT_FLAGS = os.ST_NOSUID | os.ST_NODEV | os.ST_NOEXEC | os.ST_NOATIME | os.ST_NODIRATIME
DIE_WITH_PARENT, DROP_BOUND, NO_NEW_RIGHTS, AMBIENT, CLEAR_ALL = 1, 24, 38, 47, 4

libc = ctypes.CDLL(None, use_errno=True)


class Limits(NamedTuple):
    """What one program may use."""

    processor_seconds: int = 4
    wall_seconds: float = 10.0
    memory_mib: int = 512
    file_mib: int = 1
    files: int = 32


def enter(limits: Limits, uid: int | None, folders: list[str]) -> None:
    """Return in the innermost process only, which sees `folders`. `uid`: a user of its own, if we are root."""
    spaces = NEWNS | NEWCGROUP | NEWUTS | NEWIPC | NEWPID | NEWNET
    if uid is None:
        mine = os.getuid(), os.getgid()
        _call("unshare", spaces | NEWUSER)
        _be_nobody(*mine)
    else:
        _call("unshare", spaces)
    if guard := os.fork():
        os._exit(os.waitstatus_to_exitcode(os.waitpid(guard, 0)[1]) & 255)
    _call("prctl", DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
    _own_root(folders)
    if program := os.fork():
        _guard(program, limits)
    _drop(uid)


def confine(limits: Limits, processes: int) -> None:
    """No new rights, and the limits that the kernel counts. `processes`: those there are, so none can come."""
    _call("prctl", NO_NEW_RIGHTS, 1, 0, 0, 0)
    for what, most in (
        (resource.RLIMIT_CPU, limits.processor_seconds),
        (resource.RLIMIT_AS, limits.memory_mib << 20),
        (resource.RLIMIT_FSIZE, limits.file_mib << 20),
        (resource.RLIMIT_NOFILE, limits.files),
        (resource.RLIMIT_NPROC, processes),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        resource.setrlimit(what, (most, most))


def _call(name: str, *arguments: object) -> None:
    """A function of the C library.

    Raises:
        OSError: it failed.
    """
    plain = [each.encode() if isinstance(each, str) else each for each in arguments]
    if getattr(libc, name)(*(ctypes.c_ulong(each) if isinstance(each, int) else each for each in plain)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _be_nobody(uid: int, gid: int) -> None:
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{NOBODY} {uid} 1"),
        ("gid_map", f"{NOBODY} {gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)


def _own_root(folders: list[str]) -> None:
    """A file system in memory with some folders of the old one, read only, and an empty /tmp."""
    _call("mount", None, "/", None, RECURSIVE | PRIVATE, None)
    _call("mount", "none", "/tmp", "tmpfs", NO_SUID | NO_DEV, "size=1m,mode=0755")
    os.mkdir("/tmp/old")
    _call("pivot_root", "/tmp", "/tmp/old")
    os.chdir("/")
    for folder in folders:
        if os.path.lexists(f"/old{folder}"):
            _show(folder)
    os.makedirs("/dev", exist_ok=True)
    for device in ("null", "zero", "urandom"):
        with open(f"/dev/{device}", "w", encoding="ascii"):
            pass
        _call("mount", f"/old/dev/{device}", f"/dev/{device}", None, BIND, None)
    os.makedirs("/tmp", exist_ok=True)
    _call("mount", "none", "/tmp", "tmpfs", NO_SUID | NO_DEV, "size=8m,nr_inodes=1k,mode=1777")
    _call("umount2", "/old", DETACH)
    os.rmdir("/old")
    _call("mount", None, "/", None, REMOUNT | BIND | READ_ONLY | NO_SUID | NO_DEV, None)
    os.chdir("/tmp")


def _show(folder: str) -> None:
    """The folder of the old root at the same place of the new one."""
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    if os.path.islink(f"/old{folder}"):
        os.symlink(os.readlink(f"/old{folder}"), folder)
        return
    os.mkdir(folder)
    _call("mount", f"/old{folder}", folder, None, BIND | RECURSIVE, None)
    kept = os.statvfs(folder).f_flag & KEPT_FLAGS
    _call("mount", None, folder, None, REMOUNT | BIND | READ_ONLY | NO_SUID | kept, None)


def _guard(program: int, limits: Limits) -> None:
    """Wait for the program, no longer than it may take, and end: the namespace ends with its first process."""
    signal.signal(signal.SIGALRM, lambda *_: os._exit(TIME_IS_UP))
    signal.setitimer(signal.ITIMER_REAL, limits.wall_seconds)
    _, status, used = os.wait4(program, 0)
    code = os.waitstatus_to_exitcode(status)
    if code == -signal.SIGKILL and used.ru_utime + used.ru_stime >= limits.processor_seconds - 0.5:
        os._exit(PROCESSOR_USED_UP)
    os._exit(code if code >= 0 else 128 - code)


def _drop(uid: int | None) -> None:
    """Become a user that nobody else is, with no capability left, and none to be had."""
    for capability in range(64):
        libc.prctl(DROP_BOUND, capability, 0, 0, 0)  # past the last one there is: EINVAL
    _call("prctl", AMBIENT, CLEAR_ALL, 0, 0, 0)
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    _call("capset", ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)()))
