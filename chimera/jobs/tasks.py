"""The only Celery task: work off one job. What and who is decided by the claim in PostgreSQL."""

from __future__ import annotations

from typing import Any

from chimera.celery import app
from chimera.jobs.dispatch import TASK
from chimera.jobs.runner import run_next


@app.task(bind=True, name=TASK, ignore_result=True)  # type: ignore[untyped-decorator]
def work(self: Any, queue: str) -> None:
    """Run the best queued job of `queue`, if there is one."""
    run_next(queue, worker=self.request.hostname or "")
