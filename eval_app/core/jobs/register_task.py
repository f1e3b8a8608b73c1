"""The job `register-task`: a user's own task into an immutable artefact (pure)."""

from __future__ import annotations

from dataclasses import dataclass

from chimera.artefacts import Stored
from chimera.context import Context
from eval_app.core.configs_evaluate import TaskFileConfig
from eval_app.core.task_file import save_task


@dataclass(frozen=True)
class TaskFileResult:
    """The sealed task."""

    stored: Stored


def run(config: TaskFileConfig, ctx: Context) -> TaskFileResult:
    """Keep the task.

    Raises:
        InputError: it is no task; the problem names line and field.
    """
    stored = save_task(ctx.store, config.definition)
    for note in stored.manifest.get("notes", []):
        ctx.log(note, "warning")
    return TaskFileResult(stored)
