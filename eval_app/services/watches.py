"""Evaluations during training: one job for every checkpoint that a watched run keeps."""

from __future__ import annotations

import logging
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models.signals import post_save

from chimera.errors import InputError
from chimera.jobs.services import start
from chimera.jobs.validation import validate_as
from chimera.projects.access import Actor, actor_for
from chimera.projects.models import Role
from eval_app.core.configs_evaluate import WatchConfig
from eval_app.models import Watch
from training_app.models import Checkpoint, TrainingRun

logger = logging.getLogger(__name__)
PRIORITY = -10  # training goes first


def watch(actor: Actor, run: TrainingRun, raw: Any) -> Watch:
    """Evaluate what the run has kept and what it will keep; said again it changes what later checkpoints are asked.

    Raises:
        PermissionDenied: the actor is no editor.
        InputError: the config is wrong.
    """
    actor.require(Role.EDITOR)
    config = validate_as(WatchConfig, raw, actor.project)
    said = {"config": config.as_json(), "created_by": actor.user}
    row, _ = Watch.objects.update_or_create(run=run, defaults=said)
    for checkpoint in run.checkpoints.all():
        evaluate(row, checkpoint)
    return row


def unwatch(actor: Actor, run: TrainingRun) -> None:
    """Checkpoints to come are no longer evaluated; the reports stay."""
    actor.require(Role.EDITOR)
    Watch.objects.filter(run=run).delete()


def evaluate(row: Watch, checkpoint: Checkpoint) -> None:
    """Start the job, once for a checkpoint and a config. A wrong config never harms the run: it is logged."""
    actor = actor_for(row.created_by, checkpoint.project) if row.created_by else None
    if actor is None:
        logger.warning("run-%s is watched by nobody of its project: checkpoint-%s left", row.run_id, checkpoint.pk)
        return
    config = WatchConfig.model_validate(row.config)
    schedule = checkpoint.run and checkpoint.run.schedule
    raw = config.as_json() | {
        "name": f"{checkpoint.name} at step {checkpoint.step}"[:200],
        "checkpoint": checkpoint.uid,
        "sequences": schedule.sequence_set.uid if config.held_out and schedule else None,
    }
    raw.pop("held_out")
    key = f"watch-{checkpoint.pk}-{config.fingerprint()[:24]}"
    try:
        start(actor, "evaluate", raw, key=key, priority=PRIORITY)
    except (InputError, PermissionDenied) as error:
        logger.warning("checkpoint-%s is not evaluated: %s", checkpoint.pk, error)


def checkpoint_kept(sender: type[Checkpoint], instance: Checkpoint, created: bool, **_: Any) -> None:
    """A new checkpoint of a watched run is evaluated as soon as its row is there for all to see."""
    row = Watch.objects.filter(run_id=instance.run_id).first() if created and instance.run_id else None
    if row is not None:
        transaction.on_commit(lambda: evaluate(row, instance), robust=True)


def connect() -> None:
    """Called once, when the app is ready: training knows nothing of evaluation."""
    post_save.connect(checkpoint_kept, sender=Checkpoint, dispatch_uid="evaluate-kept-checkpoints")
