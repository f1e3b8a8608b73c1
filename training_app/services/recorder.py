"""`RunRecorder`: metric points, events and resume points of one run, written by the worker that owns its job.

Every write is fenced by the lease (it locks the job's row and compares the token), so a worker that lost its job cannot
write one point more; the next owner's rewind therefore sees everything there is. Rows are append-only with a rising
`seq`; a rewind cuts what is later than the resume point and leaves a row that says so, whose `seq` keeps the numbers
rising. While the database is away, points wait in the buffer, for as long as the lease holds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
from django.db import transaction
from django.db.models import JSONField, Max, TextField, Value
from django.db.models.functions import Cast

from chimera.artefacts import Stored as StoredArtefact
from chimera.context import Amendment, CheckpointNote
from chimera.jobs.bell import ring
from chimera.jobs.leasing import Lease
from chimera.jobs.models import Job
from chimera.jobs.patience import AWAY, patiently, tolerated
from training_app.core.buffer import Buffer
from training_app.core.kept_names import kept_at
from training_app.core.tally import Tally
from training_app.models import MetricLedger, MetricRow, RunEvent, SavedState, TrainingRun
from training_app.services import sealing
from training_app.services.adopt import adopt_checkpoint
from training_app.services.alerting import Alerting
from training_app.services.plan_edits import answer, edits_of
from training_app.services.replay import replay

FLUSH_SECONDS = 0.2
TABLE_SECONDS = 1.0  # the run's own row (latest values, sparkline) is updated no more often,
TABLE_SHARE = 0.02  # and with thousands of series only so often that it takes this share of the time
EDITS_SECONDS = 1.0  # the least time between two looks for edits of the plan
KEPT_EVENTS = ("started", "resumed")  # history of the attempts, true whatever is cut later

Clock = Callable[[], float]


def recorder_for(job: Job, lease: Lease) -> RunRecorder:
    """The recorder of the run of `job` for the worker that holds `lease`."""
    return RunRecorder(TrainingRun.objects.get(job=job), lease)


class RunRecorder:
    """Implements `chimera.context.Recorder` over the database. Used by one thread. Every write raises LeaseLost."""

    def __init__(self, run: TrainingRun, lease: Lease, clock: Clock = time.time) -> None:
        self.run_id, self.attempt = run.pk, lease.attempt
        self.lease, self.clock = lease, clock
        self._buffer = Buffer()
        self._tally = Tally()
        self._alerting = Alerting(run, lease)
        self._next_seq: int | None = None
        self._appended = False  # the transaction under way writes the buffer
        self._unsure = False  # the last transaction failed: it may have been committed all the same
        self._table_is_old = False
        self._listed: set[str] = set()  # keys that the run's row names: charts ask for series by it
        self._flushed_at = self._table_at = 0.0
        self._edits: list[Amendment] = []
        self._edits_at = -EDITS_SECONDS
        self._table_cost = 0.0  # seconds that the last update of the run's row took

    def write(self, step: int, tokens: int, values: dict[str, float], at: float | None = None) -> None:
        """`at` is the point's own wall time (Unix seconds), for runs that were measured elsewhere; else it is now."""
        now = self.clock()
        self._buffer.add(step, tokens, now if at is None else at, values)
        self._tally.add(step, tokens, now if at is None else at, values)
        self._alerting.add(step, tokens, values)
        self._table_is_old = True
        if not 0 <= now - self._flushed_at < FLUSH_SECONDS:  # a clock that was set back must not stop the flow
            self._flush_if_possible(now)

    def event(self, kind: str, message: str, step: int | None = None) -> None:
        facts = {"run_id": self.run_id, "attempt": self.attempt, "step": step, "kind": kind, "message": message[:500]}
        self._written(lambda job: self._note_event(facts))

    def flush(self) -> None:
        if self._buffer or self._table_is_old:
            self._written(self._store)

    def checkpoint(self, note: CheckpointNote) -> None:
        def store(job: Job) -> None:
            self._store(job)
            self._note(note)

        self._written(store)

    def keep(self, stored: StoredArtefact, step: int, tokens: int) -> None:
        self._written(lambda job: self._keep(job, stored, step, tokens))

    def _keep(self, job: Job, stored: StoredArtefact, step: int, tokens: int) -> None:
        run = TrainingRun.objects.get(pk=self.run_id)
        checkpoint = adopt_checkpoint(job, run, stored, step, tokens)
        made = {**job.artifacts, kept_at(step): checkpoint.uid}
        Job.objects.filter(pk=job.pk).update(artifacts=made)
        RunEvent.objects.get_or_create(
            run=run, kind="checkpoint", step=step,
            defaults={"attempt": self.attempt, "message": f"kept {checkpoint.uid} at step {step}"},
        )  # fmt: skip
        self._ring(events=True)

    def resume(self) -> CheckpointNote | None:
        return patiently(self._resume)

    def step_back(self, note: CheckpointNote) -> None:
        self._written(lambda job: self._note(note))
        patiently(self._resume)

    def amendments(self) -> list[Amendment]:
        now = self.clock()
        if not 0 <= now - self._edits_at < EDITS_SECONDS:
            with tolerated():  # what is known holds until the database is back
                self._edits, self._edits_at = edits_of(self.run_id), now
        return self._edits

    def answered(self, amendment: Amendment, refusal: str, step: int) -> None:
        self._written(lambda job: answer(self.run_id, self.attempt, amendment, refusal, step))
        self._ring(events=True)

    def catch_up(self) -> None:
        """Know all that is stored, to write after it. Nothing is cut: for a run whose trainer keeps its own place."""
        with self.lease.fenced():
            self._know_what_is_stored()

    def _know_what_is_stored(self) -> None:
        self._buffer, self._tally, self._unsure = Buffer(), Tally(), False
        self._alerting.start_over()
        replay(self.run_id, self._tally, self._alerting)

    def _resume(self) -> CheckpointNote | None:
        with self.lease.fenced():
            note = self._noted()
            self._cut(note.step if note else -1)
            self._know_what_is_stored()
            self._update_table()
            if note is None:
                where = "" if self.attempt == 1 else f" again from the first step (attempt {self.attempt})"
                self.event("started", f"started{where}", 0)
        self._next_seq = None  # a cut may have taken one
        return note

    def _flush_if_possible(self, now: float) -> None:
        """Flush; while the database is away the buffer is kept, and the training loop goes on."""
        fresh = not self._listed.issuperset(self._tally.keys)
        every = max(TABLE_SECONDS, self._table_cost / TABLE_SHARE)
        table = fresh or not 0 <= now - self._table_at < every
        with tolerated():
            self._transact(lambda job: self._store(job, table))
        self._flushed_at = now

    def _written(self, work: Callable[[Job], None]) -> None:
        """Do `work` in a transaction, patiently: the caller must know that it is done."""
        patiently(lambda: self._transact(work))

    def _transact(self, work: Callable[[Job], None]) -> None:
        """One transaction under the lease. The buffer is emptied, and its seq used up, only when it is committed."""
        self._appended = False
        try:
            with self.lease.fenced() as job:
                self._find_place()
                work(job)
        except Exception as error:
            self._unsure = self._unsure or isinstance(error, AWAY)
            raise
        self._unsure = False
        if self._appended:
            assert self._next_seq is not None
            self._next_seq += 1
            self._buffer = Buffer()
            self._alerting.saved()

    def _find_place(self) -> None:
        """The seq of the next row. If a failed transaction was committed all the same, its points leave the buffer."""
        if self._next_seq is None:
            self._next_seq = self._free_seq()
        elif self._unsure:
            written = MetricRow.objects.filter(run=self.run_id, seq=self._next_seq).first()
            if written is not None:
                self._buffer.drop(len(written.points["step"]))
                self._next_seq += 1

    def _store(self, job: Job, table: bool = True) -> None:
        if self._buffer:
            self._append(self._buffer.points(), self._buffer.step[0], self._buffer.step[-1])
        if self._alerting.save(job):
            self._ring(events=True)
        if table and self._table_is_old:
            self._update_table()
            self._alerting.look_for_other_rules()

    def _note_event(self, facts: dict[str, Any]) -> None:
        if not (self._unsure and RunEvent.objects.filter(**facts).exists()):
            RunEvent.objects.create(**facts)
        self._ring(events=True)

    def _append(self, points: dict[str, Any], first_step: int, last_step: int) -> None:
        seq = self._next_seq
        assert seq is not None
        text = Value(orjson.dumps(points).decode(), output_field=TextField())
        MetricRow.objects.create(
            run_id=self.run_id, attempt=self.attempt, seq=seq, first_step=first_step, last_step=last_step,
            points=Cast(text, JSONField()),
        )  # fmt: skip
        self._appended = True
        self._ring(seq=seq)

    def _free_seq(self) -> int:
        """The number after the last row's. Rows are asked first: those that are sealed meanwhile are in the ledger."""
        last = MetricRow.objects.filter(run=self.run_id).aggregate(last=Max("seq"))["last"] or 0
        sealed = MetricLedger.objects.filter(run=self.run_id).values_list("sealed_seq", flat=True).first() or 0
        return max(last, sealed) + 1

    def _ring(self, **news: Any) -> None:
        """Tell open pages, once this is committed, that there is something to read."""
        group, payload = f"run.{self.run_id}", {"topic": f"run-{self.run_id}", **news}
        transaction.on_commit(lambda: ring(group, payload), robust=True)

    def _note(self, note: CheckpointNote) -> None:
        facts = {"path": str(note.path), "step": note.step, "tokens": note.tokens, "attempt": self.attempt}
        SavedState.objects.update_or_create(run_id=self.run_id, defaults=facts)

    def _noted(self) -> CheckpointNote | None:
        """The resume point; none when the job's scratch was cleared. One that is missing alone is a damaged one."""
        saved = SavedState.objects.filter(run=self.run_id).first()
        if saved is None:
            return None
        if not Path(saved.path).parent.is_dir():
            saved.delete()
            return None
        return CheckpointNote(Path(saved.path), saved.step, saved.tokens)

    def _cut(self, step: int) -> None:
        """Remove every point and event later than `step`; a row that holds both sides keeps its earlier part."""
        sealed = sealing.cut(self.run_id, step)
        later = MetricRow.objects.filter(run=self.run_id, last_step__gt=step)
        self._next_seq = self._free_seq()
        if not (sealed or later.exists()):
            return
        later.filter(first_step__gt=step).delete()
        for row in later:
            row.points, row.last_step = until(row.points, step), step
            row.save(update_fields=["points", "last_step"])
        self._append({**Buffer().points(), "cut": step}, step, step)
        RunEvent.objects.filter(run=self.run_id, step__gt=step).exclude(kind__in=KEPT_EVENTS).delete()

    def _update_table(self) -> None:
        started, tally = self.clock(), self._tally
        TrainingRun.objects.filter(pk=self.run_id).update(
            step=tally.step,
            tokens=tally.tokens,
            latest=tally.latest,
            best=tally.best,
            sparkline=tally.sparkline(),
            pace=tally.pace(),
        )
        self._listed.update(tally.keys)
        self._table_is_old, self._table_at = False, self.clock()
        self._table_cost = self._table_at - started


def until(points: dict[str, Any], step: int) -> dict[str, Any]:
    """The part of a row's points that is not later than `step` (steps of a row never fall)."""
    kept = sum(1 for number in points["step"] if number <= step)
    values = {key: [pair for pair in pairs if pair[0] < kept] for key, pairs in points["values"].items()}
    return {
        **{name: points[name][:kept] for name in ("step", "tokens", "time")},
        "values": {key: pairs for key, pairs in values.items() if pairs},
    }
