"""What can be said of a run before it is queued: that it takes from its curriculum what that does not have."""

from __future__ import annotations

from chimera.jobs import refs
from chimera.projects.models import Project
from curriculum_app.core.tracks import Tracks
from curriculum_app.models import Schedule
from training_app.core.configs import TrainConfig
from training_app.core.learning_rates.base import LearningRate


def check_run(config: TrainConfig, project: Project) -> None:
    """Bind the learning rate to the schedule, as the run will.

    Raises:
        InputError: the rate is to come from a schedule that brings none.
    """
    row = refs.find(project, config.schedule)
    if isinstance(row, Schedule):
        rate: LearningRate = config.learning_rate.build()
        rate.bound(Tracks.model_validate(row.manifest.get("tracks", {})))
