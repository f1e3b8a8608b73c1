"""`RunRecorder`: metric points, events and resume points of one run, written by the worker that owns its job.

Every write is fenced by the lease (it locks the job's row and compares the token), so a worker that lost its job cannot
write one point more; the next owner's rewind therefore sees everything there is. Rows are append-only with a rising
`seq`; a rewind cuts what is later than the resume point and leaves a row that says so, whose `seq` keeps the numbers
rising.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import Max

from chimera.artefacts import Stored as StoredArtefact
from chimera.context import CheckpointNote
from chimera.jobs.bell import ring
from chimera.jobs.leasing import Lease
from chimera.jobs.models import Job
from training_app.core.tally import Stored, Tally, stored_number
from training_app.models import MetricRow, RunEvent, SavedState, TrainingRun
from training_app.services.adopt import adopt_checkpoint
from training_app.services.alerting import Alerting

FLUSH_SECONDS = 0.2
TABLE_SECONDS = 1.0  # the run's own row (latest values, sparkline) is updated no more often
KEPT_EVENTS = ("started", "resumed")  # history of the attempts, true whatever is cut later

Clock = Callable[[], float]


def recorder_for(job: Job, lease: Lease) -> RunRecorder:
    """The recorder of the run of `job` for the worker that holds `lease`."""
    return RunRecorder(TrainingRun.objects.get(job=job), lease)


class Buffer:
    """Points that are not written yet, in the shape of `MetricRow.points`."""

    def __init__(self) -> None:
        self.step: list[int] = []
        self.tokens: list[int] = []
        self.time: list[float] = []
        self.values: dict[str, list[tuple[int, Stored]]] = {}

    def __bool__(self) -> bool:
        return bool(self.step)

    def add(self, step: int, tokens: int, at: float, values: dict[str, float]) -> None:
        self.step.append(int(step))
        self.tokens.append(int(tokens))
        self.time.append(at)
        for key, value in values.items():
            self.values.setdefault(key, []).append((len(self.step) - 1, stored_number(value)))

    def points(self) -> dict[str, Any]:
        return {"step": self.step, "tokens": self.tokens, "time": self.time, "values": self.values}


class RunRecorder:
    """Implements `chimera.context.Recorder` over the database. Used by one thread. Every write raises LeaseLost."""

    def __init__(self, run: TrainingRun, lease: Lease, clock: Clock = time.time) -> None:
        self.run_id, self.attempt = run.pk, lease.attempt
        self.lease, self.clock = lease, clock
        self._buffer = Buffer()
        self._tally = Tally()
        self._alerting = Alerting(run, lease)
        self._next_seq: int | None = None
        self._table_is_old = False
        self._listed: set[str] = set()  # keys that the run's row names: charts ask for series by it
        self._flushed_at = self._table_at = 0.0

    def write(self, step: int, tokens: int, values: dict[str, float], at: float | None = None) -> None:
        """`at` is the point's own wall time (Unix seconds), for runs that were measured elsewhere; else it is now."""
        now = self.clock()
        self._buffer.add(step, tokens, now if at is None else at, values)
        self._tally.add(step, tokens, now if at is None else at, values)
        self._alerting.add(step, tokens, values)
        self._table_is_old = True
        if now - self._flushed_at >= FLUSH_SECONDS:
            fresh = not self._listed.issuperset(self._tally.latest)
            self._flush(table=fresh or now - self._table_at >= TABLE_SECONDS)

    def event(self, kind: str, message: str, step: int | None = None) -> None:
        with self.lease.fenced():
            RunEvent.objects.create(
                run_id=self.run_id, attempt=self.attempt, step=step, kind=kind, message=message[:500]
            )
            self._ring(events=True)

    def flush(self) -> None:
        self._flush(table=True)

    def checkpoint(self, note: CheckpointNote) -> None:
        with self.lease.fenced():
            self._flush(table=True)
            SavedState.objects.update_or_create(
                run_id=self.run_id,
                defaults={
                    "path": str(note.path), "step": note.step, "tokens": note.tokens, "attempt": self.attempt,
                },
            )  # fmt: skip

    def keep(self, stored: StoredArtefact, step: int, tokens: int) -> None:
        with self.lease.fenced() as job:
            run = TrainingRun.objects.get(pk=self.run_id)
            checkpoint = adopt_checkpoint(job, run, stored, step, tokens)
            RunEvent.objects.get_or_create(
                run=run, kind="checkpoint", step=step,
                defaults={"attempt": self.attempt, "message": f"kept {checkpoint.uid} at step {step}"},
            )  # fmt: skip
            self._ring(events=True)

    def resume(self) -> CheckpointNote | None:
        self._start_over()
        with self.lease.fenced():
            note = self._noted()
            self._cut(note.step if note else -1)
            self._replay()
            self._update_table()
            if note is None:
                where = "" if self.attempt == 1 else f" again from the first step (attempt {self.attempt})"
                self.event("started", f"started{where}", 0)
        return note

    def catch_up(self) -> None:
        """Know all that is stored, to write after it. Nothing is cut: for a run whose trainer keeps its own place."""
        self._start_over()
        with self.lease.fenced():
            self._replay()

    def _flush(self, *, table: bool) -> None:
        """Write the buffer as one row; on failure the buffer is kept."""
        if not self._buffer and not (table and self._table_is_old):
            return
        with self.lease.fenced() as job:
            if self._buffer:
                self._append(self._buffer.points(), self._buffer.step[0], self._buffer.step[-1])
            if self._alerting.save(job):
                self._ring(events=True)
            if table and self._table_is_old:
                self._update_table()
                self._alerting.look_for_other_rules()
        self._alerting.saved()
        self._buffer = Buffer()
        self._flushed_at = self.clock()

    def _append(self, points: dict[str, Any], first_step: int, last_step: int) -> None:
        if self._next_seq is None:
            last = MetricRow.objects.filter(run=self.run_id).aggregate(last=Max("seq"))["last"]
            self._next_seq = (last or 0) + 1
        seq = self._next_seq
        MetricRow.objects.create(
            run_id=self.run_id, attempt=self.attempt, seq=seq, first_step=first_step, last_step=last_step, points=points
        )
        self._next_seq = seq + 1
        self._ring(seq=seq)

    def _ring(self, **news: Any) -> None:
        """Tell open pages, once this is committed, that there is something to read."""
        group, payload = f"run.{self.run_id}", {"topic": f"run-{self.run_id}", **news}
        transaction.on_commit(lambda: ring(group, payload), robust=True)

    def _noted(self) -> CheckpointNote | None:
        saved = SavedState.objects.filter(run=self.run_id).first()
        if saved is None:
            return None
        if not Path(saved.path).is_dir():
            saved.delete()
            return None
        return CheckpointNote(Path(saved.path), saved.step, saved.tokens)

    def _cut(self, step: int) -> None:
        """Remove every point and event later than `step`; a row that holds both sides keeps its earlier part."""
        later = MetricRow.objects.filter(run=self.run_id, last_step__gt=step)
        highest = MetricRow.objects.filter(run=self.run_id).aggregate(last=Max("seq"))["last"] or 0
        self._next_seq = highest + 1
        if not later.exists():
            return
        later.filter(first_step__gt=step).delete()
        for row in later:
            row.points, row.last_step = until(row.points, step), step
            row.save(update_fields=["points", "last_step"])
        self._append({**Buffer().points(), "cut": step}, step, step)
        RunEvent.objects.filter(run=self.run_id, step__gt=step).exclude(kind__in=KEPT_EVENTS).delete()

    def _replay(self) -> None:
        rows = MetricRow.objects.filter(run=self.run_id).order_by("seq").values_list("points", flat=True)
        for points in rows.iterator(chunk_size=200):
            by_index: list[dict[str, float]] = [{} for _ in points["step"]]
            for key, pairs in points["values"].items():
                for index, value in pairs:
                    by_index[index][key] = float(value)
            for step, tokens, at, values in zip(
                points["step"], points["tokens"], points["time"], by_index, strict=True
            ):
                self._tally.add(step, tokens, at, values)
                self._alerting.replay(step, tokens, values)

    def _start_over(self) -> None:
        """Forget everything that is not stored; `_replay` brings back the rest."""
        self._buffer, self._tally = Buffer(), Tally()
        self._alerting.start_over()

    def _update_table(self) -> None:
        tally = self._tally
        TrainingRun.objects.filter(pk=self.run_id).update(
            step=tally.step,
            tokens=tally.tokens,
            latest=tally.latest,
            best=tally.best,
            sparkline=tally.sparkline(),
            pace=tally.pace(),
        )
        self._listed.update(tally.latest)
        self._table_is_old, self._table_at = False, self.clock()


def until(points: dict[str, Any], step: int) -> dict[str, Any]:
    """The part of a row's points that is not later than `step` (steps of a row never fall)."""
    kept = sum(1 for number in points["step"] if number <= step)
    values = {key: [pair for pair in pairs if pair[0] < kept] for key, pairs in points["values"].items()}
    return {
        **{name: points[name][:kept] for name in ("step", "tokens", "time")},
        "values": {key: pairs for key, pairs in values.items() if pairs},
    }
