"""What a reader of finished runs is, and what it fills: points of runs, counted and bounded (pure)."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from chimera.errors import InputError, Problem
from chimera.registry import Choice, Registry
from chimera.typed import Config as BaseConfig

Source = Literal["tensorboard", "mlflow", "csv", "json"]
MAX_RUNS = 1_000
_LOOK_EVERY = 20_000  # points between looks at pause and cancel


class Points:
    """All points of one run in the order they were read: 28 bytes each."""

    def __init__(self, take: Callable[[], None]) -> None:
        self._take = take
        self.keys: dict[str, int] = {}
        self.key, self.step = array("i"), array("q")
        self.time, self.value = array("d"), array("d")

    def __len__(self) -> int:
        return len(self.step)

    def add(self, key: str, step: int, time: float, value: float) -> None:
        """One value; `time` in Unix seconds, NaN where the source has none."""
        self._take()
        self.key.append(self.keys.setdefault(key, len(self.keys)))
        self.step.append(step)
        self.time.append(time)
        self.value.append(value)

    def forget_from(self, step: int) -> None:
        """The source says that it began again at `step`: what was read from there on is void."""
        kept = np.frombuffer(self.step, dtype=np.int64) < step
        for name in ("key", "step", "time", "value"):
            column = getattr(self, name)
            setattr(self, name, array(column.typecode, np.frombuffer(column, dtype=column.typecode)[kept].tobytes()))


class FoundRun:
    """A run as its source calls it, with its settings and points."""

    def __init__(self, name: str, source: Source, take: Callable[[], None]) -> None:
        self.name, self.source = name, source
        self.settings: dict[str, Any] = {}
        self.seed = 0
        self.points = Points(take)


class Found:
    """Everything that one import reads. `check` may raise to stop; `notes` tell what was left out.

    Raises:
        InputError: more points or runs than the bounds allow.
    """

    def __init__(self, max_points: int, check: Callable[[], None] = lambda: None) -> None:
        self.max_points, self.check = max_points, check
        self.runs: list[FoundRun] = []
        self.notes: dict[str, None] = {}  # an ordered set
        self._count = 0

    def run(self, name: str, source: Source) -> FoundRun:
        if len(self.runs) == MAX_RUNS:
            raise InputError(
                Problem(f"holds more than {MAX_RUNS:,} runs", "path", hint="import its folders one by one")
            )
        self.runs.append(FoundRun(name or "run", source, self._take))
        return self.runs[-1]

    def note(self, text: str) -> None:
        self.notes[text] = None

    def _take(self) -> None:
        self._count += 1
        if self._count > self.max_points:
            raise InputError(Problem(f"holds more than {self.max_points:,} points", "max_points", hint="allow more"))
        if self._count % _LOOK_EVERY == 0:
            self.check()


class RunReader:
    """Reads one kind of source. Stateless."""

    title: ClassVar[str]

    class Config(BaseConfig):
        """No settings."""

    def __init__(self, config: Config) -> None:
        self.config = config

    def recognises(self, path: Path) -> bool:
        """Whether the file or folder looks like this kind."""
        raise NotImplementedError

    def read(self, path: Path, found: Found) -> None:
        """Add the runs of `path` to `found`.

        Raises:
            InputError: damaged or not of this kind; names file, line and field.
        """
        raise NotImplementedError


RUN_READERS: Registry[RunReader] = Registry("run reader", "training_app.core.run_readers")


class RunReaderChoice(Choice):
    """Which reader reads a source."""

    @classmethod
    def registry(cls) -> Registry[Any]:
        return RUN_READERS


def files_in(path: Path, accepted: Callable[[Path], bool]) -> Iterator[Path]:
    """The file itself, or the files directly in the folder, by name."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    yield from (file for file in files if file.is_file() and not file.is_symlink() and accepted(file))


def number(text: Any) -> float | None:
    """A JSON or CSV value as a float; None if it is no number (a boolean is none)."""
    if isinstance(text, bool) or text is None:
        return None
    try:
        return float(text)
    except (TypeError, ValueError, OverflowError):
        return None


def step_of(value: Any, file: Path, line: int, field: str) -> int:
    """A step.

    Raises:
        InputError: not a whole number from 0 on.
    """
    found = number(value)
    if found is None or not 0 <= found < 2**62 or found != int(found):
        problem = Problem(f"{str(value)[:80]!r} is no step", field, str(file), line, hint="a whole number from 0 on")
        raise InputError(problem)
    return int(found)
