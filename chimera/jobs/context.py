"""The `Context` of a job that runs in a worker: progress, log, artefacts and control over the database."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings

from chimera.artefacts import ArtefactStore, Stored
from chimera.context import Amendment, Cancelled, CheckpointNote, Control, LeaseLost, Level, Paused, Recorder
from chimera.jobs import bell, clock, refs
from chimera.jobs.leasing import Lease
from chimera.jobs.models import Job, JobLog
from chimera.jobs.patience import patiently, tolerated
from chimera.jobs.rate import Rate
from chimera.jobs.storable import storable
from chimera.refs import Ref, Referable

T = TypeVar("T", bound=Referable)

PROGRESS_SECONDS = 0.5
CONTROL_SECONDS = 1.0
LOG_CHARACTERS = 64 * 1024


def scratch_of(job: Job) -> Path:
    """The directory private to a job; it survives attempts and is removed when the job has succeeded."""
    return Path(settings.DATA_DIR) / "scratch" / f"job-{job.pk}"


def store_of(job: Job) -> ArtefactStore:
    """The artefact store as the job sees it; what it stages carries its name."""
    return ArtefactStore(Path(settings.DATA_DIR) / "artefacts", owner=job.uid)


class NullRecorder:
    """For kinds without metrics."""

    def write(self, step: int, tokens: int, values: dict[str, float]) -> None:
        return None

    def event(self, kind: str, message: str, step: int | None = None) -> None:
        return None

    def flush(self) -> None:
        return None

    def checkpoint(self, note: CheckpointNote) -> None:
        return None

    def keep(self, stored: Stored, step: int, tokens: int) -> None:
        return None

    def resume(self) -> CheckpointNote | None:
        return None

    def step_back(self, note: CheckpointNote) -> None:
        return None

    def amendments(self) -> list[Amendment]:
        return []

    def answered(self, amendment: Amendment, refusal: str, step: int) -> None:
        return None


class Pace:
    """True at most once per `seconds`; the first time at once."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self._last = seconds, -float("inf")

    def due(self) -> bool:
        now = time.monotonic()
        if now - self._last < self.seconds:
            return False
        self._last = now
        return True


class DatabaseContext:
    """Implements `chimera.context.Context`. Used by the thread that runs the job only."""

    def __init__(self, job: Job, lease: Lease, recorder: Recorder) -> None:
        self.job, self.lease, self.recorder = job, lease, recorder
        self.attempt = lease.attempt
        self.store = store_of(job)
        self.store.discard_staged()  # of an attempt that was killed
        self.scratch = scratch_of(job)
        self.scratch.mkdir(parents=True, exist_ok=True)
        self._progress_pace, self._control_pace = Pace(PROGRESS_SECONDS), Pace(CONTROL_SECONDS)
        self._log_pace = Pace(PROGRESS_SECONDS)
        self._rate = Rate()
        self._control: Control = "none"
        self._unsaved: dict[str, Any] | None = None
        self._lines: list[str] = []
        self._level: Level = "info"

    def open(self, ref: Ref[T]) -> T:
        opened: T = refs.open_ref(self.job.project, ref)  # type: ignore[assignment]
        return opened

    def progress(self, done: int, total: int | None = None, unit: str = "", message: str = "") -> None:
        rate = self._rate.add(done, total, unit)
        self._unsaved = {
            "done": done,
            "total": total,
            "unit": unit[:20],
            "message": storable(message)[:300],
            "rate": rate,
        }
        if self._progress_pace.due() or done == total:
            with tolerated():
                self._save_progress()

    def log(self, message: str, level: Level = "info") -> None:
        if level != self._level or sum(map(len, self._lines)) + len(message) > LOG_CHARACTERS:
            with tolerated():
                self._save_log()
        self._level = level
        self._lines.append(message[:LOG_CHARACTERS])
        if self._log_pace.due():
            with tolerated():
                self._save_log()

    def control(self) -> Control:
        self.lease.check()
        if self._control_pace.due():
            with tolerated():  # what was asked last holds until the database is back
                self._read_control()
        return self._control

    def _read_control(self) -> None:
        asked = self.lease.rows().values_list("control", flat=True).first()
        if asked is None:
            self.lease.lost = True
            raise LeaseLost(f"{self.job.uid}: another worker owns it now")
        self._control = {"pause": "pause", "release": "pause", "cancel": "cancel"}.get(asked, "none")  # type: ignore[assignment]

    def check(self) -> None:
        asked = self.control()
        if asked == "cancel":
            raise Cancelled
        if asked == "pause":
            raise Paused

    def close(self) -> None:
        """Write what the rate limits have held back."""
        self.recorder.flush()
        patiently(self._save_progress)
        patiently(self._save_log)

    def _save_progress(self) -> None:
        if self._unsaved is None:
            return
        fields = self._unsaved
        held = self.lease.rows().update(progress_at=clock.now(), stuck_at=None, **fields)
        self._unsaved = None
        if held:
            for name, value in fields.items():
                setattr(self.job, name, value)
            bell.job_changed(self.job)

    def _save_log(self) -> None:
        if self._lines and not self.lease.lost:
            text = storable("\n".join(self._lines))
            JobLog.objects.create(job=self.job, attempt=self.attempt, level=self._level, text=text)
            bell.log_written(self.job)
        self._lines = []
