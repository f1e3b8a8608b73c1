"""The job kinds of training."""

from chimera.capabilities import provide
from chimera.jobs import refs
from chimera.jobs.kinds import CLIENT_QUEUE, JobKind, register
from training_app import models
from training_app.core.configs import TrainConfig
from training_app.core.configs_external import ExternalRunConfig

refs.register(models.Checkpoint, "training_app.core.checkpoint:Checkpoint")
provide("unread-alerts", "training_app.selectors.alerts:unread_counter")
provide("embed", "training_app.services.models:embedder")

register(
    JobKind(
        name="train",
        title="Train",
        summary="Train a model on a schedule, exactly in its order, and measure held-out bits per byte.",
        config=TrainConfig,
        run="training_app.core.jobs.train:run",
        adopt="training_app.services.adopt:adopt_train",
        created="training_app.services.runs:create_run",
        recorder="training_app.services.recorder:recorder_for",
        page="training_app.services.runs:run_page",
    )
)
register(
    JobKind(
        name="external-run",
        title="Run of another trainer",
        summary="A run that a program elsewhere trains and logs here through the API.",
        config=ExternalRunConfig,
        created="training_app.services.runs:create_foreign_run",
        page="training_app.services.runs:run_page",
        queue=CLIENT_QUEUE,
        listed=False,
    )
)
