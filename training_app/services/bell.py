"""The bell: tells open pages that a run has news. PostgreSQL holds the news; a lost bell loses nothing."""

from __future__ import annotations

import logging
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)


def run_group(run_id: int) -> str:
    return f"run.{run_id}"


def ring_run(run_id: int, **news: Any) -> None:
    """Ring after the current transaction has committed. Training goes on when Redis is down."""
    transaction.on_commit(lambda: _send(run_group(run_id), {"type": "run.bell", "run": run_id, **news}))


def _send(group: str, message: dict[str, Any]) -> None:
    try:
        async_to_sync(get_channel_layer().group_send)(group, message)
    except (RedisError, OSError) as error:
        logger.warning("no bell for %s: %s", group, error)
