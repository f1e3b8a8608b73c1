"""CSV as W&B exports it: the history of one run, or a chart of several."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chimera.errors import InputError, Problem
from training_app.core.run_readers.base import RUN_READERS, Found, FoundRun, RunReader, files_in, number, step_of

STEPS = ("_step", "step", "global_step", "trainer/global_step")
TIMES = ("_timestamp", "timestamp")
_AXES = {*STEPS, *TIMES, "_runtime", "relative time (process)", "relative time (wall)", "wall time"}


@RUN_READERS.register("csv_history")
class CsvHistory(RunReader):
    """The two tables that W&B's "export CSV" and `run.history()` give (docs.wandb.ai, 2020 on).

    A chart: `Step`, then `run - metric` for each run, beside `__MIN` and `__MAX`, which are left out. A history:
    `_step`, `_timestamp` and a column for each metric; the file's name is the run's.
    """

    title = "CSV (W&B)"

    def recognises(self, path: Path) -> bool:
        return any(_steps_column(_header(file)) for file in files_in(path, _is_csv))

    def read(self, path: Path, found: Found) -> None:
        for file in files_in(path, lambda file: file == path or _is_csv(file)):
            _read(file, found)


@dataclass
class _Column:
    """A column of values: into which run they go, under which key; `numeric` is None until the first value."""

    place: int
    run: FoundRun
    key: str
    numeric: bool | None = None


def _is_csv(file: Path) -> bool:
    return file.suffix.lower() == ".csv"


def _header(file: Path) -> list[str]:
    with file.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        return next(csv.reader(_limited(lines)), [])


def _limited(lines: Iterator[str]) -> Iterator[str]:
    """Lines, without the NULs that the csv module refuses."""
    return (line.replace("\0", "\ufffd") for line in lines)


def _steps_column(header: list[str]) -> str:
    return next((name for name in header if name.lower() in STEPS), "")


def _read(file: Path, found: Found) -> None:
    header = _header(file)
    name = _steps_column(header)
    if not name:
        hint = f"columns: {', '.join(header)[:200] or 'none'}; one of {', '.join(STEPS)} is needed"
        raise InputError(Problem("no column holds the step", "_step", str(file), 1, hint))
    steps = header.index(name)
    times = next((place for place, title in enumerate(header) if title.lower() in TIMES), None)
    columns = _columns(header, file, found)
    with file.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        rows = csv.reader(_limited(lines))
        next(rows)
        try:
            for row in rows:
                if any(row):
                    _row(row, rows.line_num, file, (name, steps, times), columns)
        except csv.Error as error:
            raise InputError(Problem(str(error), "", str(file), rows.line_num, "export it again")) from error
    if left := [column.key for column in columns if column.numeric is False]:
        found.note(f"columns without numbers are left out: {', '.join(left[:10])}")


def _columns(header: list[str], file: Path, found: Found) -> list[_Column]:
    wanted = [
        (place, title)
        for place, title in enumerate(header)
        if title.strip() and title.lower() not in _AXES and not title.endswith(("__MIN", "__MAX"))
    ]
    if wanted and all(" - " in title for _, title in wanted):
        runs: dict[str, FoundRun] = {}
        columns = []
        for place, title in wanted:
            name, _, key = title.rpartition(" - ")
            if name not in runs:
                runs[name] = found.run(name, "csv")
            columns.append(_Column(place, runs[name], key))
        return columns
    run = found.run(file.stem, "csv")
    return [_Column(place, run, title) for place, title in wanted]


def _row(row: list[str], line: int, file: Path, axes: tuple[str, int, int | None], columns: list[_Column]) -> None:
    name, steps, times = axes
    step = step_of(row[steps] if steps < len(row) else "", file, line, name)
    time = number(row[times]) if times is not None and times < len(row) else None
    for column in columns:
        text = row[column.place].strip() if column.place < len(row) else ""
        if not text or column.numeric is False:
            continue
        value = number(text)
        if value is None and column.numeric:
            hint = "a number, NaN, Infinity, or nothing"
            raise InputError(Problem(f"{text[:80]!r} is no number", column.key, str(file), line, hint))
        column.numeric = value is not None
        if value is not None:
            column.run.points.add(column.key, step, float("nan") if time is None else time, value)
