"""The same recipe on the same input makes the same artefact: known before the work, so it is not done twice.

The key covers everything that can decide about the result: the settings, the parents' digests, the bytes of every file
that is read, the source of this app and the versions of all installed packages. When one of them cannot be known
(a link, a pipe, a file that changes while it is read) there is no key and the work is done.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import distributions
from pathlib import Path
from stat import S_ISREG
from typing import Any

from chimera.artefact_notes import find_made, remember_made
from chimera.artefacts import Stored, sha256_of
from chimera.context import Context
from chimera.typed import sha256_json

_LONGEST_NAME = 4096  # characters; longer texts in a recipe name no file


def make_once(ctx: Context, kind: str, key: Callable[[], str | None], make: Callable[[], Stored]) -> Stored:
    """What the key has made before, else what `make` gives.

    That is remembered if the key is still the same afterwards: otherwise something changed while it was read.
    """
    asked = key()
    known = find_made(ctx.store, kind, asked) if asked else None
    if known is not None:
        ctx.log(f"already exists: the same settings and input have made {kind} {known.digest[:12]}; nothing done twice")
        return known
    stored = make()
    if asked and key() == asked:
        remember_made(ctx.store, asked, stored)
    return stored


def key_of(op: str, settings: Any, files: str = "") -> str | None:
    """The key of an operation: `settings` (JSON, with the digests of the parents) and the fingerprint of what is read.

    Strings in the settings that name a file on this machine stand for its content too (lists of a filter). None if one
    of them cannot be read.
    """
    named = {name: fingerprint([Path(name)]) for name in sorted(set(_file_names(settings)))}
    contents = {name: found.sha256 for name, found in named.items() if found is not None}
    if len(contents) < len(named):
        return None
    return sha256_json({"op": op, "settings": settings, "files": files, "named": contents, "code": code_fingerprint()})


@lru_cache(1)
def code_fingerprint() -> str:
    """Hex sha256 of this app's domain code, of Python's version and of every installed package's name and version."""
    root = Path(__file__).parent
    sources = [(str(path.relative_to(root)), path.read_text("utf-8")) for path in sorted(root.rglob("*.py"))]
    packages = sorted({(item.name, item.version) for item in distributions()})
    return sha256_json([sys.version, packages, sources])


@dataclass(frozen=True)
class Fingerprint:
    """Names and bytes of files as one hex sha256; `stamps` tell cheaply whether one has changed since."""

    sha256: str
    stamps: tuple[tuple[str, int, int, int], ...]

    def still_true(self) -> bool:
        """Whether every file still has the size, time and inode it had before it was read."""
        try:
            return all(_stamp(Path(stamp[0])) == stamp for stamp in self.stamps)
        except OSError:
            return False


def fingerprint(paths: Sequence[Path], look_up: Callable[[], None] = lambda: None) -> Fingerprint | None:
    """Of these files, and of all in the folders among them; `look_up` is called all the while and may raise to stop.

    None if something there is no regular file, cannot be read or changed meanwhile.
    """
    try:
        files = [(os.fsencode(path.name).hex(), *found) for path in paths for found in _files_in(path)]
        stamps = tuple(_stamp(path) for _, _, path in files)
        contents = [(root, relative, sha256_of(path, lambda _: look_up())) for root, relative, path in files]
    except (OSError, _Unknowable):
        return None
    found = Fingerprint(sha256_json(contents), stamps)
    return found if found.still_true() else None


class _Unknowable(Exception):
    """A link or a device: what is behind it cannot be known for good."""


def _files_in(path: Path) -> Iterator[tuple[str, Path]]:
    """`(name in the folder, file)`, in a fixed order; a file is itself."""
    if not path.is_dir():
        yield "", path
        return
    for folder, folders, names in os.walk(path, onerror=_give_up):
        folders.sort()
        if any((Path(folder) / name).is_symlink() for name in [*folders, *names]):
            raise _Unknowable
        for name in sorted(names):
            yield os.fsencode((Path(folder) / name).relative_to(path)).hex(), Path(folder) / name


def _give_up(error: OSError) -> None:
    raise error


def _stamp(path: Path) -> tuple[str, int, int, int]:
    facts = path.stat()
    if not S_ISREG(facts.st_mode):
        raise _Unknowable
    return str(path), facts.st_size, facts.st_mtime_ns, facts.st_ino


def _file_names(value: Any) -> Iterator[str]:
    """The strings in a JSON value that name a file on this machine."""
    if isinstance(value, str):
        if _is_file(value):
            yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _file_names(item)


def _is_file(name: str) -> bool:
    if not name or len(name) > _LONGEST_NAME:
        return False
    try:
        return Path(name).is_file()
    except (OSError, ValueError):
        return False
