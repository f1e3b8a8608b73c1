"""Runs that are trained elsewhere: a program starts one, holds its lease, appends batches and ends it, all by calls.

Every call of a run locks its `ClientSession`, so calls come one after another; the number of the last stored batch
moves in the transaction that stores it, so a batch that is sent twice is stored once. Points go through `RunRecorder`,
under the lease of the run's job. A program that was silent for too long has failed; its next call takes the run up
again.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction

from chimera.errors import InputError, Problem
from chimera.jobs import bell, clock, composites, creation, leasing
from chimera.jobs.kinds import Adopted, get_kind
from chimera.jobs.leasing import Lease
from chimera.jobs.models import ControlRequest, Job, State
from chimera.jobs.sweep import CLIENT_SILENT
from chimera.jobs.transitions import lock, move
from chimera.jobs.validation import validate
from chimera.projects.access import Actor
from chimera.projects.models import Role
from training_app.core.configs_external import LEASE_SECONDS, MAX_KEYS, FinishBody, PointRow, PointsBody, StartBody
from training_app.models import ClientSession, TrainingRun
from training_app.services import live_recorders
from training_app.services.cut import cut_after

KIND = "external-run"
_AGAIN: dict[str, Any] = {"problems": [], "error_class": "", "error_text": "", "message": "", "finished_at": None}


class Conflict(Exception):
    """The run is not this program's to write any more; sending the same again will not help."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


@dataclass(frozen=True)
class Held:
    """A run under the lock of its session."""

    run: TrainingRun
    job: Job
    client: ClientSession
    lease: Lease


def start(actor: Actor, said: StartBody) -> tuple[ClientSession, bool]:
    """Begin a foreign run, or take up the one of the same `id`; whoever wrote it before can write no more.

    Raises:
        PermissionDenied: the actor is no editor.
        InputError: the config cannot be stored.
        Conflict: the run of this id has ended well, or is no foreign run.
    """
    actor.require(Role.EDITOR)
    key = f"client-{said.id or secrets.token_hex(16)}"
    try:
        return _start(actor, said, key)
    except IntegrityError:  # two calls of one id at the same moment: the other has made it
        return _start(actor, said, key)


@transaction.atomic
def _start(actor: Actor, said: StartBody, key: str) -> tuple[ClientSession, bool]:
    job = _known(actor, key)
    created = job is None
    if job is None:
        config = validate(KIND, said.config(), actor.project)
        job = creation.insert(actor.project, get_kind(KIND), config, user_id=actor.user.pk, key=key)
    else:
        job = _free(lock(job))
    lease = _claim(job, actor.name)
    run = TrainingRun.objects.get(job=job)
    fresh = {"session": secrets.token_hex(16), "last_seq": 0, "program": said.program}
    client, _ = ClientSession.objects.update_or_create(run=run, defaults=fresh)
    if said.resume_step is not None:
        cut_after(run, lease, said.resume_step)
    recorder = live_recorders.of(client, run, lease).recorder
    said_so = ("started", "started") if created else ("resumed", f"its program started again (attempt {lease.attempt})")
    recorder.event(*said_so, run.step)
    return client, created


def _known(actor: Actor, key: str) -> Job | None:
    return Job.objects.filter(project=actor.project, idempotency_key=key).first()


def _free(job: Job) -> Job:
    """Back to the queue, from where it can be claimed at once; the lease of whoever held it is gone."""
    if not move(job, [State.RUNNING], State.QUEUED, note="taken over") and not _reopen(job):
        message = f"{job.run.uid} has {job.state}"
        raise Conflict(Problem(message, "id", hint="start a new run under another id"))
    return job


def _reopen(job: Job) -> bool:
    return move(job, [State.FAILED, State.CANCELLED, State.QUEUED], State.QUEUED, note="taken up again", **_AGAIN)


def _claim(job: Job, name: str) -> Lease:
    claimed = leasing.claim_job(job.pk, f"client of {name}", LEASE_SECONDS)
    assert claimed is not None, "its row is locked and queued"
    return claimed[1]


def append(actor: Actor, pk: int, batch: PointsBody) -> str:
    """Store a batch, once; what is wanted of the program (`none`, `stop` by an alert rule, `cancel` by a user).

    Raises:
        TrainingRun.DoesNotExist: not in the actor's project.
        InputError: steps or tokens that fall, or too many keys; nothing of the batch is stored then.
        Conflict: another program writes this run now, or it has ended.
    """
    try:
        with transaction.atomic():
            held = _held(actor, pk, batch.session)
            if batch.seq > held.client.last_seq:
                _store(held, batch)
            return _beat(held)
    except Exception:
        live_recorders.forget(batch.session)
        raise


def heartbeat(actor: Actor, pk: int, session: str) -> str:
    """Keep the lease; raises as `append` does."""
    with transaction.atomic():
        return _beat(_held(actor, pk, session))


@transaction.atomic
def finish(actor: Actor, pk: int, said: FinishBody) -> TrainingRun:
    """End the run as its program says; once more changes nothing. Raises as `append` does."""
    held = _session(actor, pk, said.session)
    if held.job.state == said.state:
        return held.run
    held = _alive(held)
    run, token = held.run, held.lease.token
    live_recorders.forget(said.session)
    facts = {"steps": run.step, "tokens": run.tokens}
    ended_well = said.state == "succeeded" and run.steps is None
    TrainingRun.objects.filter(pk=run.pk).update(summary=facts, steps=run.step if ended_well else run.steps)
    if held.job.state == State.CANCELLING:
        composites.cancelled(held.job, lease=token, note="its program has ended")
    elif said.state == "succeeded":
        composites.succeed(held.job, Adopted({"run": run.uid}, facts), lease=token)
    else:
        composites.fail(held.job, said.message or "its program says that it failed", lease=token)
    return run


def _session(actor: Actor, pk: int, session: str) -> Held:
    actor.require(Role.EDITOR)
    run = TrainingRun.objects.select_related("job").get(pk=pk, project=actor.project)
    client = ClientSession.objects.select_for_update().filter(run=run).first()
    if client is None or client.session != session:
        hint = "start again with the run's id"
        raise Conflict(Problem(f"another program writes {run.uid} now", "session", hint=hint))
    job = lock(run.job)
    run.refresh_from_db(fields=["step", "tokens", "latest"])
    return Held(run, job, client, Lease(job.pk, job.lease_owner, job.attempt, seconds=LEASE_SECONDS))


def _held(actor: Actor, pk: int, session: str) -> Held:
    return _alive(_session(actor, pk, session))


def _alive(held: Held) -> Held:
    """The same, with a lease that holds: a run that failed only because its program was silent goes on."""
    job = held.job
    if job.state in leasing.HELD and job.lease_owner:
        return held
    if job.error_class != CLIENT_SILENT or not _reopen(job):
        hint = "start a new run, or start again with the run's id"
        raise Conflict(Problem(f"{held.run.uid} has {_ended(job)}: nothing more is written", "session", hint=hint))
    lease = _claim(job, job.worker.removeprefix("client of "))
    live_recorders.forget(held.client.session)
    again = Held(held.run, Job.objects.get(pk=job.pk), held.client, lease)
    recorder = live_recorders.of(held.client, held.run, lease).recorder
    recorder.event("resumed", f"its program is heard again (attempt {lease.attempt})", held.run.step)
    return again


def _ended(job: Job) -> str:
    return f"been {job.state}" if job.state == State.CANCELLED else str(job.state)


def _store(held: Held, batch: PointsBody) -> None:
    live = live_recorders.of(held.client, held.run, held.lease)
    tokens = _check_order(held.run, batch.points)
    live.keys.update(key for row in batch.points for key in row.values)
    if len(live.keys) > MAX_KEYS:
        hint = "log fewer series, or their means"
        raise InputError(Problem(f"{held.run.uid} would have more than {MAX_KEYS:,} series", "points", hint=hint))
    for row, seen in zip(batch.points, tokens, strict=True):
        live.recorder.write(row.step, seen, row.values, at=row.time)
    for event in batch.events:
        live.recorder.event(event.kind, event.message, event.step)
    live.recorder.flush()
    held.client.last_seq = live.last_seq = batch.seq
    held.client.save(update_fields=["last_seq"])


def _check_order(run: TrainingRun, points: list[PointRow]) -> list[int]:
    """The tokens of every row; those left out are those before."""
    step, tokens, seen = run.step, run.tokens, []
    for place, row in enumerate(points):
        count = tokens if row.tokens is None else row.tokens
        if row.step < step or count < tokens:
            name, new, old = ("step", row.step, step) if row.step < step else ("tokens", count, tokens)
            raise InputError(Problem(f"{new} comes after {old}: {name} must not fall", f"points.{place}.{name}",
                                     hint="start again with the run's id and resume_step to go back"))  # fmt: skip
        step, tokens = row.step, count
        seen.append(count)
    return seen


def _beat(held: Held) -> str:
    """The lease lasts again; a program whose run was cancelled is told so, and what it had sent until now is kept."""
    if held.job.state == State.CANCELLING:
        live_recorders.forget(held.client.session)
        composites.cancelled(held.job, lease=held.lease.token, note="its program has been told")
        return "cancel"
    run = TrainingRun.objects.only("step", "steps").get(pk=held.run.pk)
    progress = {"done": run.step, "total": run.steps, "unit": "steps", "progress_at": clock.now()}
    held.lease.rows().update(**progress)
    held.lease.beat()
    transaction.on_commit(lambda: bell.job_changed(held.job), robust=True)
    return "none" if held.lease.rows().filter(control=ControlRequest.NONE).exists() else "stop"
