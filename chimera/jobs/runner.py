"""The runner: claim → run → adopt in the transaction that ends the job, under the lease that was claimed."""

from __future__ import annotations

import logging
import shutil
import traceback
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import transaction

from chimera.context import Cancelled, LeaseLost, Paused, Recorder
from chimera.errors import InputError, Problem
from chimera.jobs import clock, composites, leasing
from chimera.jobs.context import DatabaseContext, NullRecorder, scratch_of
from chimera.jobs.dispatch import dispatch
from chimera.jobs.kinds import JobKind, get_kind, resolve
from chimera.jobs.leasing import Lease
from chimera.jobs.models import ControlRequest, Job, State
from chimera.jobs.patience import AWAY, patiently
from chimera.jobs.transitions import lock, move
from chimera.jobs.validation import as_json, validate

log = logging.getLogger(__name__)

# Only these may go away by themselves. A missing file or a forbidden one stays missing and forbidden.
_TRANSIENT = (OSError, *AWAY)
_LASTING = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)


def run_job(job_id: int, worker: str = "") -> bool:
    """Claim and run one certain job; False if it was not to be had."""
    return _run(leasing.claim_job(job_id, worker))


def run_next(queue: str, worker: str = "") -> bool:
    """Claim and run the best queued job of `queue`; False if there is none."""
    return _run(leasing.claim(queue, worker))


def _run(claimed: tuple[Job, Lease] | None) -> bool:
    if claimed is None:
        return False
    job, lease = claimed
    try:
        with lease.kept_alive():
            _work(job, lease)
    except LeaseLost:
        log.warning("%s: lease lost in attempt %s, nothing more is written", job.uid, lease.attempt)
    return True


def _work(job: Job, lease: Lease) -> None:
    """Run the kind and end the job by what came out; only LeaseLost leaves this function."""
    try:
        kind = get_kind(job.kind)
        result = _result(job, lease, kind)
        patiently(lambda: _succeed(job, lease, kind, result))
    except LeaseLost:
        raise
    except Paused:
        patiently(lambda: _paused(job, lease))
    except Cancelled:
        patiently(lambda: _cancelled(job, lease))
    except InputError as error:
        _fail_input(job, lease, error.problems)
    except _TRANSIENT as error:
        patiently(partial(_transient, job, lease, error))
    except Exception as error:
        patiently(partial(_crashed, job, lease, error))
    else:
        shutil.rmtree(scratch_of(job), ignore_errors=True)


def _result(job: Job, lease: Lease, kind: JobKind) -> Any:
    config = validate(kind, job.config, job.project)
    recorder: Recorder = resolve(kind.recorder)(job, lease) if kind.recorder else NullRecorder()
    ctx = DatabaseContext(job, lease, recorder)
    try:
        return resolve(kind.run)(config, ctx)
    finally:
        ctx.close()


@transaction.atomic
def _succeed(job: Job, lease: Lease, kind: JobKind, result: Any) -> None:
    """Rows of the result and `succeeded` in one transaction. Asked to cancel meanwhile: nothing is adopted."""
    row = _locked(job, lease)
    if row.state == State.CANCELLING:
        composites.cancelled(row, lease=lease.token, note="had just finished")
        return
    adopted = resolve(kind.adopt)(row, result)
    composites.succeed(row, adopted, lease=lease.token)


def _locked(job: Job, lease: Lease) -> Job:
    row = lock(job)
    if row.lease_owner != lease.token or row.state not in leasing.HELD:
        raise LeaseLost(f"{job.uid}: another worker owns it now")
    return row


@transaction.atomic
def _ended(job: Job, end: Any) -> None:
    if not end(lock(job)):
        raise LeaseLost(f"{job.uid}: another worker owns it now")


@transaction.atomic
def _paused(job: Job, lease: Lease) -> None:
    """`paused`, or back to the queue when it was the worker that had to stop, not the job."""
    row = _locked(job, lease)
    if row.control == ControlRequest.RELEASE:
        _requeue(row, lease, "its worker stops; it goes on elsewhere", max_attempts=row.max_attempts + 1)
    elif row.state == State.CANCELLING:
        composites.cancelled(row, lease=lease.token, note="stopped by the worker")
    else:
        free: dict[str, Any] = {"control": "none", "lease_owner": "", "lease_until": None}
        move(row, [State.RUNNING], State.PAUSED, lease=lease.token, note="at a safe point", **free)


def _cancelled(job: Job, lease: Lease) -> None:
    _ended(job, lambda row: composites.cancelled(row, lease=lease.token, note="stopped by the worker"))


def _fail_input(job: Job, lease: Lease, problems: list[Problem]) -> None:
    """Wrong input is never retried: the same input gives the same error."""
    text = "\n".join(str(problem) for problem in problems)
    fields: dict[str, Any] = {"problems": as_json(problems), "error_text": text}
    patiently(lambda: _ended(job, lambda row: composites.fail(row, text, lease=lease.token, **fields)))


@transaction.atomic
def _transient(job: Job, lease: Lease, error: Exception) -> None:
    row = _locked(job, lease)
    lasting = isinstance(error, _LASTING) or row.attempt >= row.max_attempts or row.state == State.CANCELLING
    if lasting:
        composites.fail(row, _sentence(error), lease=lease.token, **_error_fields(error))
        return
    wait = timedelta(seconds=min(300, 5 * 2 ** (row.attempt - 1)))
    note = f"{_sentence(error)}; tried again in {int(wait.total_seconds())} s"
    _requeue(row, lease, note, not_before=clock.ahead(wait), **_error_fields(error))


def _crashed(job: Job, lease: Lease, error: Exception) -> None:
    _ended(job, lambda row: composites.fail(row, _sentence(error), lease=lease.token, **_error_fields(error)))


def _requeue(row: Job, lease: Lease, note: str, **fields: Any) -> None:
    free: dict[str, Any] = {"control": "none", "lease_owner": "", "lease_until": None}
    if move(row, [State.RUNNING], State.QUEUED, lease=lease.token, note=note, **free, **fields):
        dispatch(row)


def _sentence(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".strip().rstrip(":")[:300]


def _error_fields(error: Exception) -> dict[str, str]:
    text = "".join(traceback.format_exception(error))
    return {"error_class": type(error).__name__[:120], "error_text": text[-20_000:]}
