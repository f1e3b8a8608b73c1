"""Lines of a plain, gzip or Zstandard file as bytes, in constant memory however long a line is."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from chimera.errors import InputError, Problem

MAX_RATIO = 250  # unpacked to packed; text packs 3 to 30 times
RATIO_COUNTS_FROM = 64 << 20


class TooLong:
    """Stands for a line that was longer than allowed; `head` is its beginning."""

    def __init__(self, head: bytes) -> None:
        self.head = head


def byte_lines(path: Path, max_bytes: int) -> Iterator[tuple[int, bytes | TooLong]]:
    """`(line number from 1, line without its end)`.

    Raises:
        InputError: the file cannot be opened, is not what its suffix says, or ends in the middle of a compressed
            stream, or unpacks to far more than it should; the problem names the line reached.
    """
    line = size = 0
    try:
        limit = _most_unpacked(path)
        with open_bytes(path) as handle:
            while True:
                raw = handle.readline(max_bytes + 1)
                if not raw:
                    return
                line += 1
                too_long = len(raw) > max_bytes and not raw.endswith(b"\n")
                size += len(raw) + (_skip_line(handle, limit - size) if too_long else 0)
                if size > limit:
                    raise InputError(_bomb(path, line))
                yield line, TooLong(raw[:1024]) if too_long else raw.rstrip(b"\r\n")
    except (EOFError, OSError, zlib.error) as error:
        raise InputError(unreadable(path, line, error)) from error


def _skip_line(handle: BinaryIO | gzip.GzipFile | io.BufferedReader, most: int) -> int:
    """How many bytes the rest of the line has; of an endless one, a little more than `most`."""
    skipped = 0
    while skipped <= most and (rest := handle.readline(1 << 16)):
        skipped += len(rest)
        if rest.endswith(b"\n"):
            break
    return skipped


def _most_unpacked(path: Path) -> int:
    """Bytes after which a packed file is called a decompression bomb; a plain file may have any size."""
    if path.suffix.lower() not in (".gz", ".zst"):
        return sys.maxsize
    return max(RATIO_COUNTS_FROM, MAX_RATIO * path.stat().st_size)


def _bomb(path: Path, line: int) -> Problem:
    message = f"unpacks to more than {MAX_RATIO} times its size, as decompression bombs do"
    return Problem(message, "path", str(path), line, "unpack it yourself and import the plain file by its path")


def open_bytes(path: Path, packing: str = "") -> BinaryIO | gzip.GzipFile | io.BufferedReader:
    """The file, unpacked if `packing` (`.gz`, `.zst`), or else its suffix, says that it is packed."""
    packing = packing or path.suffix.lower()
    if packing == ".gz":
        return gzip.open(path, "rb")
    if packing == ".zst":
        return _open_zstandard(path)
    return path.open("rb")


def _open_zstandard(path: Path) -> io.BufferedReader:
    """Through Arrow, which notices a truncated stream; the zstandard package ends silently there."""
    import pyarrow as pa

    stream: Any = pa.CompressedInputStream(pa.OSFile(str(path), "rb"), "zstd")
    return io.BufferedReader(stream, 1 << 16)


def unreadable(path: Path, line: int, error: Exception, unit: str = "line") -> Problem:
    """What to say of a file that failed after so many lines, or other units."""
    if isinstance(error, PermissionError | IsADirectoryError):
        return Problem(f"cannot be opened: {error.strerror}", "path", str(path), hint="let the worker's user read it")
    if isinstance(error, EOFError) or "truncated" in str(error).lower():
        packed = "compressed " if path.suffix.lower() in (".gz", ".zst") else ""
        message = f"the {packed}file ends too early, after {unit} {line}"
        return Problem(message, "path", str(path), line or None, hint="it was cut off: copy or download it again")
    return Problem(
        f"cannot be read after {unit} {line}: {error}",
        "path",
        str(path),
        line or None,
        hint="is it what its name says?",
    )
