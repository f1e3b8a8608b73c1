"""The job kinds of the lowest app."""

from chimera.jobs import refs
from curriculum_app import models

refs.register(models.DatasetVersion, "curriculum_app.core.dataset_version:DatasetVersion")
refs.register(models.SequenceSet, "curriculum_app.core.sequences:SequenceTable")
refs.register(models.Schedule, "curriculum_app.core.schedule:Schedule")
