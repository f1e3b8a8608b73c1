"""Checkpoints that really answer: tiny models made in the test, imported by the job."""

from __future__ import annotations

from pathlib import Path

from chimera.jobs import runner, services
from chimera.projects.access import Actor
from tests.core.training.model_folders import make_model_folder
from training_app.models import Checkpoint


def import_model(actor: Actor, folder: Path, name: str = "tiny", **settings: object) -> Checkpoint:
    """The checkpoint that the import of `folder` makes."""
    job, _ = services.start(actor, "import-model", {"name": name, "source": str(folder), **settings})
    assert runner.run_job(job.pk)
    job.refresh_from_db()
    assert job.state == "succeeded", job.error_text
    return Checkpoint.objects.get(pk=job.artifacts["checkpoint"].rpartition("-")[2])


def make_checkpoints(actor: Actor, root: Path, count: int = 2) -> list[Checkpoint]:
    """`count` imported models of different weights; the first has a chat template, the others do not."""
    folders = [make_model_folder(root / f"model-{seed}", seed=seed, template=seed == 0) for seed in range(count)]
    return [import_model(actor, folder, folder.name, licence="CC0-1.0") for folder in folders]
