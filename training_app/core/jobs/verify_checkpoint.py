"""The kind `verify-checkpoint`: are the files of a checkpoint those that were sealed? (pure)"""

from __future__ import annotations

from dataclasses import dataclass

from chimera.artefact_notes import Verification, note_verified
from chimera.context import Context
from chimera.errors import InputError, Problem
from training_app.core.configs_models import VerifyCheckpointConfig


@dataclass(frozen=True)
class VerifyCheckpointResult:
    """A verification that found everything whole."""

    verification: Verification


def run(config: VerifyCheckpointConfig, ctx: Context) -> VerifyCheckpointResult:
    """Hash every file; what was found is noted beside the artefact, also when it is bad.

    Raises:
        InputError: files are missing, changed or foreign; one problem for each, with its name.
    """
    checkpoint, done = ctx.open(config.checkpoint), 0

    def seen(num_bytes: int) -> None:
        nonlocal done
        done += num_bytes
        ctx.check()
        ctx.progress(done, max(checkpoint.stored.bytes, done), "bytes", "reading files")

    damaged = ctx.store.verify(checkpoint.stored, seen)
    noted = note_verified(ctx.store, checkpoint.stored, list(damaged))
    if damaged:
        hint = "restore it from a copy, or make it again"
        raise InputError([Problem(problem, file=name, hint=hint) for name, problem in damaged.items()])
    ctx.log(f"all {noted.files} files are as they were sealed")
    return VerifyCheckpointResult(noted)
