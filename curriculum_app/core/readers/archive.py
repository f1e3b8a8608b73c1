"""Archives of files or folders, unpacked with bounds: what leads out of the folder or never ends is refused."""

from __future__ import annotations

import re
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import IO, Any

from chimera.errors import InputError, Problem
from curriculum_app.core.readers.byte_lines import MAX_RATIO, RATIO_COUNTS_FROM, open_bytes
from curriculum_app.core.readers.folder import printable

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.zst")
MAX_BYTES = 4 << 30  # unpacked, unless an import allows more
MAX_MEMBERS = 200_000
_MAX_ZIP_DIRECTORY = 32 << 20
_MAX_TAR_HEADER = 4 << 20
_CHUNK = 1 << 20
_DAMAGED = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, struct.error)


def is_archive(path: Path) -> bool:
    """Whether the name says so."""
    return path.name.lower().endswith(SUFFIXES)


@contextmanager
def unpacked(path: Path, folder: Path, max_bytes: int, check: Callable[[], None]) -> Iterator[Path]:
    """`path` itself; of an archive, what it holds, unpacked into `folder`, which is removed afterwards.

    If everything lies in one folder, or is one file, that is what it holds. Archives in it are not opened. `check` is
    called often and may raise to stop.

    Raises:
        InputError: a damaged archive; a member, named in the problem, that is absolute, leads out, is a link or a
            device, or occurs twice; more than `max_bytes`, `MAX_MEMBERS` members, or `MAX_RATIO` times the size of the
            archive. Problems of files in it, raised while the context is open, name the archive.
    """
    if not (is_archive(path) and path.is_file()):
        yield path
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        _unpack(path, folder, _Budget(path, max_bytes, check))
        yield _content(folder)
    except InputError as error:
        raise InputError([_named(problem, folder, path) for problem in error.problems]) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _named(problem: Problem, folder: Path, archive: Path) -> Problem:
    return replace(problem, file=problem.file.replace(str(folder), str(archive), 1))


def _content(folder: Path) -> Path:
    while folder.is_dir():
        inside = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
        if len(inside) != 1:
            return folder
        (folder,) = inside
    return folder


class _Budget:
    """What may still be unpacked."""

    def __init__(self, archive: Path, max_bytes: int, check: Callable[[], None]) -> None:
        self._archive, self._max_bytes, self._check = archive, max_bytes, check
        self._ratio_bytes = max(RATIO_COUNTS_FROM, MAX_RATIO * archive.stat().st_size)
        self._bytes = self._members = 0

    def member(self) -> None:
        self._members += 1
        self._check()
        if self._members > MAX_MEMBERS:
            raise self.refused(f"holds more than {MAX_MEMBERS:,} members", "split it, or import the folder by its path")

    def take(self, count: int) -> None:
        self._bytes += count
        self._check()
        if self._bytes > self._ratio_bytes:
            what = f"unpacks to more than {MAX_RATIO} times its size, as decompression bombs do"
            raise self.refused(what, "unpack it yourself and import the folder by its path")
        if self._bytes > self._max_bytes:
            what = f"unpacks to more than {self._max_bytes:,} bytes"
            raise self.refused(what, "allow more, or import the folder by its path", "max_unpacked_bytes")

    def refused(self, what: str, hint: str, field: str = "path") -> InputError:
        return InputError(Problem(f"the archive {what}", field, str(self._archive), hint=hint))

    def refused_member(self, name: str, what: str) -> InputError:
        return self.refused(f"holds {printable(name)[:200]!r}, {what}", "make it anew from plain files and folders")


def _unpack(path: Path, folder: Path, budget: _Budget) -> None:
    try:
        (_unzip if path.name.lower().endswith(".zip") else _untar)(path, folder, budget)
    except _DAMAGED as error:
        what = f"cannot be read: {str(error) or 'it ends too early'}"
        raise budget.refused(what, "is it complete, and what its name says?") from error


def _unzip(path: Path, folder: Path, budget: _Budget) -> None:
    if _zip_directory_bytes(path) > _MAX_ZIP_DIRECTORY:
        raise budget.refused(f"has a directory of more than {_MAX_ZIP_DIRECTORY >> 20} MiB", "split it")
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            budget.member()
            target = _target(folder, info.filename, budget)
            kind = stat.S_IFMT(info.external_attr >> 16)
            if stat.S_ISLNK(kind):
                raise budget.refused_member(info.filename, "which is a link")
            if kind and not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
                raise budget.refused_member(info.filename, "which is neither a file nor a folder")
            if info.flag_bits & 0x1:
                raise budget.refused_member(info.filename, "which is encrypted")
            if target is not None and not info.is_dir():
                with archive.open(info) as member:
                    _write(member, target, info.filename, budget)


def _zip_directory_bytes(path: Path) -> int:
    """Size of the central directory as the end record says it: it is read into memory as a whole."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - (1 << 16) - 22))
        tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:
        return 0  # zipfile will say what is wrong
    (size,) = struct.unpack_from("<L", tail, at + 12)
    wide = tail.rfind(b"PK\x06\x06", 0, at)
    if size == 0xFFFFFFFF and wide >= 0 and len(tail) - wide >= 56:
        (size,) = struct.unpack_from("<Q", tail, wide + 40)
    return int(size)


class _Guarded:
    """The bytes of a tar archive; a header, which is read as a whole, may not be longer than allowed."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.header_bytes: int | None = 0

    def read(self, size: int) -> bytes:
        data: bytes = self._stream.read(size)
        if self.header_bytes is not None:
            self.header_bytes += len(data)
            if self.header_bytes > _MAX_TAR_HEADER:
                raise tarfile.ReadError(f"a header is longer than {_MAX_TAR_HEADER >> 20} MiB")
        return data


def _untar(path: Path, folder: Path, budget: _Budget) -> None:
    # tarfile reads a stream in order; ".tgz" is gzip under a name that says so less plainly
    opened = open_bytes(path, packing=".gz") if path.suffix.lower() == ".tgz" else open_bytes(path)
    with opened as stream:
        guarded = _Guarded(stream)
        with tarfile.open(fileobj=guarded, mode="r|") as archive:  # type: ignore[call-overload]
            while (member := archive.next()) is not None:
                archive.members = []  # it would remember them all
                guarded.header_bytes = None
                _untar_member(archive, member, folder, budget)
                guarded.header_bytes = 0


def _untar_member(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path, budget: _Budget) -> None:
    budget.member()
    target = _target(folder, member.name, budget)
    if member.issym() or member.islnk():
        raise budget.refused_member(member.name, "which is a link")
    if member.isdir():
        return
    if not member.isreg() or member.issparse():
        raise budget.refused_member(member.name, "which is neither a plain file nor a folder")
    content = archive.extractfile(member)
    if target is not None and content is not None:
        _write(content, target, member.name, budget)


def _target(folder: Path, name: str, budget: _Budget) -> Path | None:
    """Where the member goes; None for the root itself and for what macOS adds."""
    parts = [part for part in PurePosixPath(name).parts if part != "."]
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        raise budget.refused_member(name, "an absolute path")
    if ".." in parts or "\\" in name or "\0" in name:
        raise budget.refused_member(name, "a path that leads out of the folder or may do so")
    if len(parts) > 64 or any(len(part.encode("utf-8", "surrogateescape")) > 250 for part in parts):
        raise budget.refused_member(name, "a path that is too long")
    return folder.joinpath(*parts) if parts and parts[0] != "__MACOSX" else None


def _write(content: IO[bytes], target: Path, name: str, budget: _Budget) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        file = target.open("xb")
    except (FileExistsError, NotADirectoryError) as error:
        raise budget.refused_member(name, "which occurs twice, or as a file and a folder") from error
    with file:
        while chunk := content.read(_CHUNK):
            budget.take(len(chunk))
            file.write(chunk)
