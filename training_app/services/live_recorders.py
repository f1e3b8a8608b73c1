"""Recorders of foreign runs, kept between two calls: what a run's row tells of its whole history is not read again.

A kept one is only good if the database has moved on by nothing but it: same lease, same last batch. Otherwise, as after
a restart or in a second web process, a new one reads what is stored. Calls of one run are serial (its session's row is
locked), so no recorder is ever used by two threads.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from chimera.jobs.leasing import Lease
from training_app.models import ClientSession, TrainingRun
from training_app.services.recorder import RunRecorder

MAX_KEPT = 64


@dataclass
class Live:
    """The recorder of one session, the batch it has stored last, and all keys of the run."""

    recorder: RunRecorder
    last_seq: int
    keys: set[str]


_kept: OrderedDict[str, Live] = OrderedDict()
_guard = threading.Lock()


def of(client: ClientSession, run: TrainingRun, lease: Lease) -> Live:
    """The recorder that goes on after the last stored batch of `client`. Raises LeaseLost."""
    with _guard:
        live = _kept.get(client.session)
    if live is None or live.last_seq != client.last_seq or live.recorder.lease.token != lease.token:
        recorder = RunRecorder(run, lease)
        recorder.catch_up()
        live = Live(recorder, client.last_seq, set(run.latest))
    _keep(client.session, live)
    return live


def _keep(session: str, live: Live) -> None:
    with _guard:
        _kept[session] = live
        _kept.move_to_end(session)
        while len(_kept) > MAX_KEPT:
            _kept.popitem(last=False)


def forget(session: str) -> None:
    """Drop what is kept: the run has ended, or a call failed after it had changed the recorder."""
    with _guard:
        _kept.pop(session, None)
