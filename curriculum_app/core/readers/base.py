"""What a reader yields, how the reader of a file is found, and how raw records become documents."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chimera.errors import InputError, Problem

EXCERPT_CHARS = 200


@dataclass(frozen=True, slots=True)
class Raw:
    """A record as it stands in the file: `line` counts from 1 (row number for formats without lines)."""

    line: int
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Bad:
    """A record that cannot be used. `field` is the target it fails for, empty if the record itself is unreadable."""

    line: int
    reason: str
    excerpt: str = ""
    field: str = ""


Reader = Callable[[Path, int], Iterator[Raw | Bad]]

SUFFIXES = {
    ".jsonl": "jsonl",
    ".jsonl.gz": "jsonl",
    ".jsonl.zst": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".csv": "csv",
    ".csv.gz": "csv",
    ".csv.zst": "csv",
}


def excerpt(raw: bytes | str) -> str:
    """The first characters of a record, for the quarantine."""
    head = raw[: 4 * EXCERPT_CHARS]
    text = head.decode("utf-8", "replace") if isinstance(head, bytes) else head
    return text.encode("utf-8", "replace").decode()[:EXCERPT_CHARS]


def format_of(path: Path) -> str | None:
    """The format that the file's name says, None if it says none."""
    name = path.name.lower()
    return next((kind for suffix, kind in SUFFIXES.items() if name.endswith(suffix)), None)


def reader_of(path: Path, kind: str) -> Reader:
    """The reader of `kind`; for `auto` that of the file's name.

    Raises:
        InputError: the name of the file says no format.
    """
    from curriculum_app.core.readers.csv_rows import read_csv
    from curriculum_app.core.readers.jsonl import read_jsonl
    from curriculum_app.core.readers.parquet import read_parquet

    chosen = format_of(path) if kind == "auto" else kind
    if chosen is None:
        hint = f"name the format, or use one of {', '.join(SUFFIXES)}"
        raise InputError(Problem("its name does not say the format", field="format", file=str(path), hint=hint))
    readers: dict[str, Reader] = {"jsonl": read_jsonl, "parquet": read_parquet, "csv": read_csv}
    return readers[chosen]


def files_of(path: Path, kind: str) -> list[Path]:
    """The file itself, or the readable files directly in the folder, by name.

    Raises:
        InputError: nothing there, or a file without a byte.
    """
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.is_file() and (kind, format_of(file)) != ("auto", None))
        if kind != "auto":
            files = [file for file in files if format_of(file) in (kind, None) and not file.name.startswith(".")]
    else:
        files = [path] if path.exists() else []
    if not files:
        what = "the folder holds no readable file" if path.is_dir() else "there is no such file on this worker"
        hint = f"readable are {', '.join(SUFFIXES)}"
        raise InputError(Problem(what, field="path", file=str(path), hint=hint))
    empty = [
        Problem("the file is empty (0 bytes)", "path", str(file), hint="export it again")
        for file in files
        if not file.stat().st_size
    ]
    if empty:
        raise InputError(empty)
    return files
