"""What a user may do to jobs: start, pause, resume, cancel, retry, reorder.

Every change is a compare-and-set with a history row (`transitions.move`). The states are drawn in docs/jobs.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import IntegrityError, transaction

from chimera.errors import InputError, Problem
from chimera.jobs import bell, composites, creation, queues
from chimera.jobs.dispatch import dispatch
from chimera.jobs.kinds import CLIENT_QUEUE, get_kind
from chimera.jobs.kinds import resolve as function_of
from chimera.jobs.models import FINISHED, ControlRequest, Job, State
from chimera.jobs.transitions import lock, move
from chimera.jobs.validation import validate
from chimera.projects.access import Actor
from chimera.projects.models import Role
from chimera.typed import Config

_WAITING = (State.QUEUED, State.PAUSED)
ATTEMPTS = 3  # a resumed or retried job gets this many fresh ones


def start(actor: Actor, kind: str, raw: Any, *, key: str = "", priority: int = 0) -> tuple[Job, bool]:
    """Validate and create a job. The same `key` again gives the job it gave before and False.

    Raises:
        PermissionDenied: the actor is no editor.
        InputError: the config is wrong, or `key` was used for another job.
    """
    actor.require(Role.EDITOR)
    if get_kind(kind).of_client:
        raise InputError(Problem(f"a job of kind {kind} is started by its own program", "kind",
                                 hint="see Runs → Bring your own run"))  # fmt: skip
    config = validate(kind, raw, actor.project)
    known = _known(actor, kind, config, key)
    if known is not None:
        return known, False
    if check := get_kind(kind).check:
        function_of(check)(config, actor.project)
    try:
        return _create(actor, kind, config, key, priority), True
    except IntegrityError:
        raced = _known(actor, kind, config, key)
        if raced is None:
            raise
        return raced, False


@transaction.atomic
def _create(actor: Actor, kind: str, config: Config, key: str, priority: int) -> Job:
    job = creation.insert(actor.project, get_kind(kind), config, user_id=actor.user.pk, key=key, priority=priority)
    composites.begin(job)
    return job


def _known(actor: Actor, kind: str, config: Config, key: str) -> Job | None:
    if not key:
        return None
    if len(key) > 64:
        raise InputError(Problem("an idempotency key has at most 64 characters", field="idempotency_key"))
    job = Job.objects.filter(project=actor.project, idempotency_key=key).first()
    if job is not None and (job.kind, job.fingerprint) != (kind, config.fingerprint()):
        raise InputError(
            Problem(f"this idempotency key has started {job.uid} with another config", field="idempotency_key",
                    hint="use a new key for a new job")
        )  # fmt: skip
    return job


def pause(actor: Actor, job: Job) -> Job:
    """Queued jobs pause at once, running ones at their next safe point; a composite pauses with its children."""
    return _control(actor, job, _pause, "only a queued or running job can be paused")


def resume(actor: Actor, job: Job) -> Job:
    """Put a paused job back into the queue, or withdraw a pause that has not happened yet."""
    return _control(actor, job, _resume, "only a paused job can be resumed", needs_live_parent=True)


def cancel(actor: Actor, job: Job) -> Job:
    """Waiting jobs are cancelled at once, running ones at their next safe point, composites with their children."""
    return _control(actor, job, _cancel, "it has already ended")


def retry(actor: Actor, job: Job) -> Job:
    """Queue a failed or cancelled job again; retrying a child reopens its composite, and the other way round."""
    return _control(actor, job, _retry, "only a failed or cancelled job can be retried", needs_live_parent=True)


VERBS: dict[str, Callable[[Actor, Job], Job]] = {"pause": pause, "resume": resume, "cancel": cancel, "retry": retry}


def verbs_for(job: Job) -> list[str]:
    """The verbs that make sense in the job's state, for buttons."""
    if job.queue == CLIENT_QUEUE:
        return ["cancel"] if job.state == State.RUNNING else []
    if job.state in (State.FAILED, State.CANCELLED):
        return ["retry"]
    if job.state in (State.SUCCEEDED, State.CANCELLING):
        return []
    waits = job.state == State.PAUSED or job.control == ControlRequest.PAUSE
    return ["resume" if waits else "pause", "cancel"]


@transaction.atomic
def set_priority(actor: Actor, job: Job, priority: int) -> Job:
    """Higher runs earlier; applies to the job and to its children that have not ended."""
    actor.require(Role.EDITOR)
    row = lock(job)
    for item in _tree(row):
        Job.objects.filter(pk=item.pk).exclude(state__in=FINISHED).update(priority=priority)
        bell.job_changed(item)
    row.refresh_from_db()
    return row


@transaction.atomic
def set_queue(actor: Actor, job: Job, queue: str) -> Job:
    """Let a waiting job, or what waits of a composite, wait in another queue.

    Raises:
        InputError: nothing of it waits, there is no such queue, or it cannot run there.
    """
    actor.require(Role.EDITOR)
    row = lock(job)
    leaves = [item for item in _tree(row) if not item.composite and item.state in _WAITING]
    if not leaves:
        raise InputError(Problem(f"{row.uid} is {row.state}: only what waits can be moved to another queue"))
    for leaf in leaves:
        queues.check_fits(leaf, queue)
        state, note = State(leaf.state), f"moved from the queue {leaf.queue} to {queue}"
        moved = leaf.queue != queue and move(leaf, [state], state, actor=actor.name, note=note, queue=queue)
        if moved and state == State.QUEUED:
            dispatch(leaf)
    row.refresh_from_db()
    return row


@transaction.atomic
def _control(
    actor: Actor, job: Job, change: Callable[[Job, str], bool], refusal: str, *, needs_live_parent: bool = False
) -> Job:
    actor.require(Role.EDITOR)
    row = lock(job)
    if row.queue == CLIENT_QUEUE and change is not _cancel:
        raise InputError(Problem(f"{row.uid} is held by its own program", hint="stop it, or start it again, there"))
    if needs_live_parent and row.parent is not None and row.parent.state not in (State.RUNNING, State.FAILED):
        parent = row.parent
        message = f"{row.uid} belongs to {parent.uid}, which is {parent.state}"
        raise InputError(Problem(message, hint=f"go on with {parent.uid}"))
    if not change(row, actor.name):
        raise InputError(Problem(f"{row.uid} is {row.state}: {refusal}"))
    row.refresh_from_db()
    return row


def _pause(job: Job, actor: str) -> bool:
    if job.composite:
        return move(job, [State.RUNNING], State.PAUSED, actor=actor) and _each(job, _pause, actor)
    return move(job, [State.QUEUED], State.PAUSED, actor=actor) or _ask(job, ControlRequest.PAUSE, actor)


def _resume(job: Job, actor: str) -> bool:
    if job.composite:
        if not (move(job, [State.PAUSED], State.RUNNING, actor=actor) and _each(job, _resume, actor)):
            return False
        composites.heal(job)
        return True
    return _requeue(job, [State.PAUSED], actor) or _ask(job, ControlRequest.NONE, actor)


def _cancel(job: Job, actor: str) -> bool:
    if job.composite:
        if not move(job, [State.RUNNING, State.PAUSED], State.CANCELLING, actor=actor):
            return False
        _each(job, _cancel, actor)
        job.refresh_from_db()
        if job.state == State.CANCELLING:
            composites.confirm_cancel(job)
        return True
    if move(job, [State.RUNNING], State.CANCELLING, actor=actor, control=ControlRequest.CANCEL):
        return True
    return job.state in (State.QUEUED, State.PAUSED) and composites.cancelled(job, actor=actor)


def _retry(job: Job, actor: str) -> bool:
    ended = [State.FAILED, State.CANCELLED]
    if job.composite:
        if not move(job, ended, State.RUNNING, actor=actor, **_CLEAN):
            return False
        _each(job, _retry, actor)
        composites.heal(job)
    elif not _requeue(job, ended, actor, **_CLEAN):
        return False
    _reopen(job, actor)
    return True


_CLEAN: dict[str, Any] = {"problems": [], "error_class": "", "error_text": "", "message": "", "finished_at": None}


def _reopen(job: Job, actor: str) -> None:
    """A composite that failed only because of this child runs again; one with other bad children stays failed."""
    parent = job.parent
    if parent is None or parent.state != State.FAILED:
        return
    if parent.children.filter(state__in=[State.FAILED, State.CANCELLED]).exists():
        return
    if move(parent, [State.FAILED], State.RUNNING, actor=actor, note=f"{job.uid} is tried again", **_CLEAN):
        _reopen(parent, actor)
        composites.advance(parent)


def _each(parent: Job, change: Callable[[Job, str], bool], actor: str) -> bool:
    """Apply `change` to every child it fits; always True."""
    for child in parent.children.select_for_update().order_by("pk"):
        change(child, actor)
    return True


def _requeue(job: Job, sources: list[State], actor: str, **fields: Any) -> bool:
    fresh: dict[str, Any] = {"control": ControlRequest.NONE, "max_attempts": job.attempt + ATTEMPTS, "not_before": None}
    if not move(job, sources, State.QUEUED, actor=actor, **fresh, **fields):
        return False
    dispatch(job)
    return True


def _ask(job: Job, control: ControlRequest, actor: str) -> bool:
    """Set what a running job should do next; True if it is running and was not asked that before."""
    note = "pause asked" if control == ControlRequest.PAUSE else "pause withdrawn"
    if job.state != State.RUNNING or job.control == control:
        return False
    return move(job, [State.RUNNING], State.RUNNING, actor=actor, note=note, control=control)


def _tree(job: Job) -> list[Job]:
    found = [job]
    for child in job.children.all():
        found.extend(_tree(child))
    return found
