"""Patience with a database that restarts: what is to be written is tried again for a while before it is an error."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection

log = logging.getLogger(__name__)

AWAY = (OperationalError, InterfaceError)  # also a deadlock or a full disk: they pass, or come again
PATIENCE_SECONDS = 60.0
FIRST_WAIT, LONGEST_WAIT = 0.1, 2.0

T = TypeVar("T")


@contextmanager
def tolerated() -> Iterator[None]:
    """Let pass that the database is away: the body is something that will be tried again anyway."""
    try:
        yield
    except AWAY as error:
        if connection.in_atomic_block:
            raise
        log.warning("database away: %s", error)
        connection.close()


def patiently(work: Callable[[], T], seconds: float = PATIENCE_SECONDS) -> T:
    """The result of `work`, which is tried again, with growing pauses, for up to `seconds` while the database is away.

    `work` opens its own transaction and may be run after one whose commit was not confirmed: it must see to it that
    nothing is written twice. Inside a transaction nothing is tried again.
    """
    end, wait = time.monotonic() + seconds, FIRST_WAIT
    while True:
        try:
            return work()
        except AWAY as error:
            if connection.in_atomic_block or time.monotonic() + wait > end:
                raise
            log.warning("database away, trying again in %.1f s: %s", wait, error)
            connection.close()
            time.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT)
