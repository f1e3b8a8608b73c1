"""CSV with a header line, plain or compressed."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

from chimera.errors import InputError, Problem
from curriculum_app.core.readers.base import Bad, Raw, excerpt
from curriculum_app.core.readers.byte_lines import TooLong, byte_lines


class _Lines:
    """Text lines for `csv.reader`; remembers what was wrong with them since it was last asked."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        self._lines = byte_lines(path, max_bytes)
        self._max_bytes = max_bytes
        self.trouble: tuple[str, str] | None = None

    def __iter__(self) -> Iterator[str]:
        for number, line in self._lines:
            if isinstance(line, TooLong):
                self.trouble = (f"longer than {self._max_bytes} bytes", excerpt(line.head))
                yield "\n"
                continue
            text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            try:
                yield text.decode("utf-8") + "\n"
            except UnicodeDecodeError:
                self.trouble = ("not UTF-8", excerpt(text))
                yield text.decode("utf-8", "replace") + "\n"


def read_csv(path: Path, max_bytes: int, delimiter: str = ",") -> Iterator[Raw | Bad]:
    """One record a row, named by the header; `line` is the last line of the row. Quoted fields may span lines.

    Raises:
        InputError: the header itself is unreadable.
    """
    csv.field_size_limit(min(sys.maxsize, max(csv.field_size_limit(), max_bytes)))
    lines = _Lines(path, max_bytes)
    rows = csv.reader(iter(lines), delimiter=delimiter)
    header: list[str] | None = None
    while True:
        try:
            row = next(rows, None)
        except csv.Error as error:
            yield Bad(rows.line_num, f"not CSV: {error}")
            continue
        if row is None:
            return
        trouble, lines.trouble = lines.trouble, None
        if trouble is not None and header is None:
            problem = Problem(f"its header is {trouble[0]}", "path", str(path), 1, hint="export it again as UTF-8")
            raise InputError(problem)
        if trouble is not None:
            yield Bad(rows.line_num, *trouble)
        elif header is None:
            header = row
        elif row:
            yield _record(rows.line_num, header, row, delimiter)


def _record(line: int, header: list[str], row: list[str], delimiter: str) -> Raw | Bad:
    if len(row) != len(header):
        return Bad(line, f"{len(row)} columns where the header has {len(header)}", excerpt(delimiter.join(row)))
    return Raw(line, dict(zip(header, row, strict=True)))
