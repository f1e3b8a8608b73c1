"""One clock for leases, queues and heartbeats: the database's. Clocks of workers and web processes may be wrong."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models.functions import Now


def now() -> Now:
    """The moment at which the statement runs, for filters and updates."""
    return Now()


def ahead(span: timedelta) -> Any:
    """That moment and `span` more (less, if negative)."""
    return Now() + span


def ago(span: timedelta) -> Any:
    return Now() - span
