"""Which walls this machine can put up: namespaces as root, bubblewrap, namespaces of a user, or none (pure)."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from chimera.sandbox.inside.walls import NOBODY, Limits

INSIDE = Path(__file__).resolve().parent
ENVIRONMENT = {"PYTHONHASHSEED": "0"}  # sets are in the same order every time; the child empties even this
_BOOT = "import sys; sys.path.insert(0, {folder!r}); from inside.main import main; del sys.path[0]; main()"


@dataclass(frozen=True)
class Role:
    """What a child is to be: `candidate`, or `checker` with the ends of the candidate's pipes."""

    name: str
    pipes: tuple[int, ...] = ()


class Walls:
    """One way to start a child that can reach nothing."""

    title: ClassVar[str]

    def lacking(self) -> str:
        """Why it cannot be tried here, empty if it can."""
        raise NotImplementedError

    def command(self, role: Role, limits: Limits) -> list[str]:
        """The argument list that starts the child."""
        raise NotImplementedError


class RootNamespaces(Walls):
    """As root: namespaces of its own, and for every program a user that nobody else is."""

    title = "namespaces (root)"

    def lacking(self) -> str:
        return "" if os.getuid() == 0 else "this process is not root"

    def command(self, role: Role, limits: Limits) -> list[str]:
        return _python(role, limits, walls="namespaces", uid=_fresh_user(), folders=_folders(), processes=1)


class Bubblewrap(Walls):
    """As a user, through the program bwrap, which also works where only setuid programs may make namespaces."""

    title = "bubblewrap"

    def lacking(self) -> str:
        if os.getuid() == 0:
            return "root drops to a user of its own without it"
        return "" if shutil.which("bwrap") else "bubblewrap is not installed"

    def command(self, role: Role, limits: Limits) -> list[str]:
        shown = [part for folder in [*_folders(), _interpreter()] for part in ("--ro-bind-try", folder, folder)]
        walls = ["--unshare-all", "--die-with-parent", "--as-pid-1", "--new-session", "--cap-drop", "ALL"]
        user = ["--uid", str(NOBODY), "--gid", str(NOBODY), "--hostname", "sandbox"]
        small = ("--size", str(8 << 20), "--tmpfs")
        root = ["--dev", "/dev", *small, "/dev/shm", *small, "/tmp", "--chdir", "/tmp"]
        ours = ["--ro-bind", str(INSIDE / "inside"), "/inside", "--remount-ro", "/"]
        python = _python(role, limits, folder="/", walls="given", processes=1)
        return [str(shutil.which("bwrap")), *walls, *user, *shown, *root, *ours, "--", *python]


class UserNamespaces(Walls):
    """As a user, where the kernel lets everybody make namespaces."""

    title = "namespaces (user)"

    def lacking(self) -> str:
        return "root needs no namespace of users" if os.getuid() == 0 else ""

    def command(self, role: Role, limits: Limits) -> list[str]:
        return _python(role, limits, walls="namespaces", uid=None, folders=_folders(), processes=3)


KINDS: Sequence[Walls] = (RootNamespaces(), Bubblewrap(), UserNamespaces())


def _python(role: Role, limits: Limits, *, folder: str = str(INSIDE), **how: object) -> list[str]:
    orders = {"role": role.name, "pipes": role.pipes, "limits": limits._asdict(), **how}
    flags = ["-P", "-s", "-S", "-B", "-X", "utf8"]
    return [_interpreter(), *flags, "-c", _BOOT.format(folder=folder), json.dumps(orders)]


def _interpreter() -> str:
    """Python without the packages of this environment."""
    base = getattr(sys, "_base_executable", None) or sys.executable
    return str(Path(base).resolve())


def _folders() -> list[str]:
    """The standard library, and the libraries that it links to: none lies in another."""
    ours = (f"{sys.base_prefix}/lib", f"{sys.base_prefix}/{sys.platlibdir}")
    found: list[str] = []
    for folder in ("/lib", "/lib64", "/usr/lib", "/usr/lib64", *ours):
        if not any(f"{folder}/".startswith(f"{other}/") for other in found):
            found.append(folder)
    return found


def _fresh_user() -> int:
    """A number that no user has: from the upper half of those that this machine knows."""
    spans = [line.split() for line in Path("/proc/self/uid_map").read_text(encoding="ascii").splitlines()]
    known = max((int(first) + int(count) for first, _, count in spans), default=65536)
    known = min(known, 2**31)
    return known // 2 + secrets.randbelow(max(known // 2 - 2, 1))
