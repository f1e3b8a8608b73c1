"""Files under a folder at any depth, one document each; links out of the folder are not followed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from curriculum_app.core.readers.base import Bad, excerpt


@dataclass(frozen=True, slots=True)
class Found:
    """A file and its name relative to the folder; `problem` says why it cannot be read, if that is known."""

    path: Path
    relative: str
    problem: str = ""


def holds(folder: Path, suffixes: tuple[str, ...]) -> bool:
    """Whether there is any file of these suffixes in the folder."""
    return any(_is_wanted(name, suffixes) for _, _, names in walk(folder) for name in names)


def documents_in(path: Path, suffixes: tuple[str, ...]) -> Iterator[Found]:
    """The files of these suffixes, folder by folder and by name; hidden ones are skipped. A file is itself."""
    if not path.is_dir():
        yield Found(path, printable(path.name))
        return
    unreadable: list[OSError] = []
    for folder, folders, names in walk(path, unreadable):
        for name in folders:
            if (Path(folder) / name).is_symlink():
                yield found_in(path, Path(folder) / name, "a link to a folder, which is not followed")
        for name in sorted(names):
            if _is_wanted(name, suffixes):
                yield found_in(path, Path(folder) / name)
    for error in unreadable:
        yield found_in(path, Path(error.filename), f"cannot be opened: {error.strerror}")


def read_whole(found: Found, max_bytes: int) -> bytes | Bad:
    """The bytes of a file, or why they cannot be had."""
    if found.problem:
        return Bad(1, found.problem, file=found.relative)
    try:
        with found.path.open("rb") as file:
            raw = file.read(max_bytes + 1)
    except OSError as error:
        return Bad(1, f"cannot be opened: {error.strerror}", file=found.relative)
    if len(raw) > max_bytes:
        return Bad(1, f"longer than {max_bytes} bytes", excerpt(raw), file=found.relative)
    return raw


def printable(name: str) -> str:
    """A file's name as text; bytes in it that are not UTF-8 are replaced."""
    return os.fsencode(name).decode("utf-8", "replace")


def walk(folder: Path, unreadable: list[OSError] | None = None) -> Iterator[tuple[str, list[str], list[str]]]:
    """`(folder, folders in it, files in it)` from the top; hidden folders are skipped, links not followed."""
    onerror = None if unreadable is None else unreadable.append
    for here, folders, names in os.walk(folder, onerror=onerror):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield here, folders, names


def _is_wanted(name: str, suffixes: tuple[str, ...]) -> bool:
    return name.lower().endswith(suffixes) and not name.startswith(".")


def found_in(root: Path, path: Path, problem: str = "") -> Found:
    """A file below `root` with what speaks against reading it."""
    return Found(path, printable(path.relative_to(root).as_posix()), _link_problem(root, path) or problem)


def _link_problem(root: Path, path: Path) -> str:
    """Why this is no file to be read: a link may lead anywhere, a pipe would block for ever."""
    if path.is_symlink():
        try:
            target = Path(os.path.realpath(path, strict=True))
        except OSError:
            return "a link that leads nowhere"
        if not target.is_relative_to(os.path.realpath(root)):
            return "a link that leads out of the folder, which is not followed"
    return "" if path.is_file() or path.is_dir() else "not a regular file"
