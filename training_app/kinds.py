"""The job kinds of training."""

from chimera.jobs import refs
from training_app import models

refs.register(models.Checkpoint, "training_app.core.checkpoint:Checkpoint")
