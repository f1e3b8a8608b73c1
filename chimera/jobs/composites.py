"""Composite jobs: a pure plan, asked again whenever a child ends. A composite never occupies a worker.

Every function here runs inside a transaction that holds the lock of the composite and its ancestors
(`transitions.lock`), so plans of one tree are made one after another.
"""

from __future__ import annotations

import traceback
from typing import Any

from django.db import transaction
from django.utils import timezone

from chimera.errors import InputError
from chimera.jobs import bell, clock, creation
from chimera.jobs.kinds import Adopted, Child, Finished, JobKind, get_kind, resolve
from chimera.jobs.models import FINISHED, Job, State
from chimera.jobs.transitions import move
from chimera.jobs.validation import as_json, validate

_ENDED_BADLY = (State.FAILED, State.CANCELLED)


def advance(parent: Job) -> None:
    """Create the children the plan asks for by now; conclude when all of them have succeeded.

    A plan or conclusion that raises fails the composite, never the child whose end asked for it.
    """
    if parent.state != State.RUNNING:
        return
    kind = get_kind(parent.kind)
    try:
        with transaction.atomic():
            _advance(parent, kind)
    except InputError as error:
        fail(parent, str(error), problems=as_json(error.problems))
    except Exception as error:
        fail(parent, f"{type(error).__name__}: {error}", error_text=traceback.format_exc())


def _advance(parent: Job, kind: JobKind) -> None:
    config = validate(kind, parent.config, parent.project)
    wanted: list[Child] = resolve(kind.plan)(config, finished_children(parent))
    for child in wanted:
        _create_once(parent, child)
    parent.refresh_from_db()  # a composite child may have ended at once and have ended its parent
    finished = finished_children(parent)
    _show_progress(parent, len(finished), max(len(wanted), parent.children.count()))
    if parent.state == State.RUNNING and all(child.slot in finished for child in wanted):
        adopted: Adopted = resolve(kind.conclude)(parent, finished)
        succeed(parent, adopted)


def finished_children(parent: Job) -> dict[str, Finished]:
    """The succeeded children by slot."""
    rows = parent.children.filter(state=State.SUCCEEDED).values_list("slot", "artifacts", "summary")
    return {slot: Finished(artifacts, summary) for slot, artifacts, summary in rows}


def _create_once(parent: Job, child: Child) -> None:
    if parent.children.filter(slot=child.slot).exists():
        return
    job = creation.insert(
        parent.project,
        get_kind(child.kind),
        child.config,
        user_id=parent.created_by_id,
        priority=parent.priority,
        parent=parent,
        slot=child.slot,
    )
    begin(job)


def begin(job: Job) -> None:
    """The first plan of a job that has just been created; nothing for a leaf."""
    if job.composite:
        advance(job)


def _show_progress(parent: Job, done: int, total: int) -> None:
    if (parent.done, parent.total) == (done, total):
        return
    parent.done, parent.total, parent.unit, parent.progress_at = done, total, "jobs", timezone.now()
    parent.save(update_fields=["done", "total", "unit", "progress_at"])
    bell.job_changed(parent)


def succeed(job: Job, adopted: Adopted, *, lease: str | None = None) -> bool:
    """End a job well and let its composite go on. `done` is filled up to `total`."""
    fields: dict[str, Any] = {"artifacts": adopted.artifacts, "summary": adopted.summary}
    if job.total is not None:
        fields["done"] = job.total
    return _end(job, State.SUCCEEDED, lease=lease, **fields)


def fail(job: Job, message: str, *, lease: str | None = None, note: str = "", **fields: Any) -> bool:
    """End a job badly: `message` is a sentence; `problems` and `error_text` may tell more."""
    fields.setdefault("error_class", "InputError" if fields.get("problems") else "")
    fields.setdefault("error_text", message)
    return _end(job, State.FAILED, lease=lease, message=message[:300], note=note or message, **fields)


def cancelled(job: Job, *, lease: str | None = None, note: str = "", actor: str = "") -> bool:
    return _end(job, State.CANCELLED, lease=lease, note=note, actor=actor)


def _end(job: Job, state: State, *, lease: str | None, note: str = "", actor: str = "", **fields: Any) -> bool:
    alive = [item for item in State if item not in FINISHED]
    over: dict[str, Any] = {"control": "none", "lease_owner": "", "lease_until": None, "finished_at": clock.now()}
    moved = move(job, alive, state, lease=lease, note=note, actor=actor, **over, **fields)
    if moved and job.parent_id is not None:
        _child_ended(job)
    return moved


def _child_ended(child: Job) -> None:
    assert child.parent_id is not None
    parent = Job.objects.select_for_update().get(pk=child.parent_id)
    if parent.state == State.CANCELLING:
        confirm_cancel(parent)
    elif child.state == State.SUCCEEDED:
        advance(parent)
    elif parent.state in (State.RUNNING, State.PAUSED):
        fail(parent, _sentence(child))


def _sentence(child: Job) -> str:
    reason = "" if child.state == State.CANCELLED or not child.message else f": {child.message}"
    return f"{child.slot} ({child.uid}) {'was cancelled' if child.state == State.CANCELLED else 'failed'}{reason}"


def confirm_cancel(parent: Job) -> None:
    """`cancelling` → `cancelled` once no child is alive any more."""
    if not parent.children.exclude(state__in=FINISHED).exists():
        cancelled(parent, note="all its jobs have stopped")


def heal(parent: Job) -> None:
    """Bring a composite to where its children say it should be (a crash between two commits cannot leave it stuck)."""
    bad = parent.children.filter(state__in=_ENDED_BADLY).order_by("pk").first()
    if parent.state == State.CANCELLING:
        confirm_cancel(parent)
    elif bad is not None and parent.state == State.RUNNING:
        fail(parent, _sentence(bad))
    else:
        advance(parent)
