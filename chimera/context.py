"""What a job is given while it runs: `Context` and `Recorder` (pure).

The job runner implements them over the database; `LocalContext` does so in memory for notebooks and unit tests.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

from chimera.artefacts import ArtefactStore, Stored
from chimera.refs import Ref, Referable

T = TypeVar("T", bound=Referable)
Control = Literal["none", "pause", "cancel"]
Level = Literal["info", "warning", "error"]


class Stopped(Exception):
    """The job was asked to stop and has done so at a safe boundary."""


class Paused(Stopped):
    """Raised after a checkpoint was saved: the job can be resumed from there."""


class Cancelled(Stopped):
    """Raised when the user asked to cancel."""


class LeaseLost(Stopped):
    """Another worker owns this job now: write nothing more."""


@dataclass(frozen=True)
class CheckpointNote:
    """A durable checkpoint directory: written, fsynced and renamed before this note is made."""

    path: Path
    step: int
    tokens: int


@dataclass(frozen=True)
class Amendment:
    """A change of what a job that runs was to do: from row `first_row` of its plan on, what the artefact says."""

    number: int
    stored: Stored
    first_row: int


class Recorder(Protocol):
    """Where a run's metric points, events and checkpoints go."""

    def write(self, step: int, tokens: int, values: dict[str, float]) -> None:
        """Add the points of one step (`tokens`: seen up to and including it). Buffered; NaN and inf are kept."""

    def event(self, kind: str, message: str, step: int | None = None) -> None:
        """Add an event that every chart of the run draws."""

    def flush(self) -> None:
        """Make everything written so far durable."""

    def checkpoint(self, note: CheckpointNote) -> None:
        """Make everything durable and remember the checkpoint as the point to resume from."""

    def keep(self, stored: Stored, step: int, tokens: int) -> None:
        """Give a sealed checkpoint of mid-run its row, so that it can be used while the run goes on; once is enough."""

    def resume(self) -> CheckpointNote | None:
        """The point to resume from, after cutting every metric point later than it; None for a fresh start."""

    def step_back(self, note: CheckpointNote) -> None:
        """Resume from this earlier point instead, after cutting every metric point later than it."""

    def amendments(self) -> list[Amendment]:
        """Changes of the plan that were asked for by now, oldest first (cheap: looked up once a second at most)."""

    def answered(self, amendment: Amendment, refusal: str, step: int) -> None:
        """Tell whoever asked that the change was made after `step`, or why not (`refusal` not empty)."""


class Context(Protocol):
    """Progress, log, artefacts, metrics, control and seed of one job; nothing of Django."""

    store: ArtefactStore
    scratch: Path  # private to the job, survives its attempts, removed when it has succeeded
    attempt: int

    @property
    def recorder(self) -> Recorder:
        """Where the job's metric points, events and checkpoints go."""

    def open(self, ref: Ref[T]) -> T:
        """The artefact that a config's `Ref` names."""

    def progress(self, done: int, total: int | None = None, unit: str = "", message: str = "") -> None:
        """Move the progress bar (cheap: rate-limited)."""

    def log(self, message: str, level: Level = "info") -> None:
        """Add a line to the job's log."""

    def control(self) -> Control:
        """What the user asks for now (cheap: read by the heartbeat). Raises LeaseLost."""

    def check(self) -> None:
        """Raise Cancelled, Paused or LeaseLost if one is due. For jobs that keep their own completion marks."""


@dataclass
class LocalRecorder:
    """Keeps everything in lists."""

    points: list[tuple[int, int, dict[str, float]]] = field(default_factory=list)
    events: list[tuple[str, str, int | None]] = field(default_factory=list)
    last: CheckpointNote | None = None
    kept: dict[int, Stored] = field(default_factory=dict)
    asked: list[Amendment] = field(default_factory=list)
    answers: dict[int, str] = field(default_factory=dict)

    def write(self, step: int, tokens: int, values: dict[str, float]) -> None:
        self.points.append((step, tokens, values))

    def event(self, kind: str, message: str, step: int | None = None) -> None:
        self.events.append((kind, message, step))

    def flush(self) -> None:
        return None

    def checkpoint(self, note: CheckpointNote) -> None:
        self.last = note

    def keep(self, stored: Stored, step: int, tokens: int) -> None:
        self.kept[step] = stored

    def resume(self) -> CheckpointNote | None:
        kept = -1 if self.last is None else self.last.step
        self.points = [point for point in self.points if point[0] <= kept]
        return self.last

    def step_back(self, note: CheckpointNote) -> None:
        self.last = note
        self.resume()

    def amendments(self) -> list[Amendment]:
        return self.asked

    def answered(self, amendment: Amendment, refusal: str, step: int) -> None:
        self.answers[amendment.number] = refusal


@dataclass
class LocalContext:
    """A context for notebooks and tests: `artefacts` maps a ref's string to the opened value."""

    root: Path
    artefacts: dict[str, Any] = field(default_factory=dict)
    recorder: LocalRecorder = field(default_factory=LocalRecorder)
    attempt: int = 1
    requested: Control = "none"
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = ArtefactStore(self.root / "artefacts")
        self.scratch = self.root / "scratch"
        self.scratch.mkdir(parents=True, exist_ok=True)

    def open(self, ref: Ref[T]) -> T:
        opened: T = self.artefacts[str(ref)]
        return opened

    def progress(self, done: int, total: int | None = None, unit: str = "", message: str = "") -> None:
        return None

    def log(self, message: str, level: Level = "info") -> None:
        self.lines.append(message)

    def control(self) -> Control:
        return self.requested

    def check(self) -> None:
        if self.requested == "pause":
            raise Paused
        if self.requested == "cancel":
            raise Cancelled
