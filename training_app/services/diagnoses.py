"""The row of a diagnosis, written in the transaction that ends its job."""

from __future__ import annotations

from chimera.jobs.adoption import adopt_artefact
from chimera.jobs.kinds import Adopted
from chimera.jobs.models import Job
from training_app.core.configs_diagnose import DiagnoseConfig
from training_app.core.jobs.diagnose import DiagnoseResult
from training_app.models import Diagnosis


def adopt_diagnose(job: Job, result: DiagnoseResult) -> Adopted:
    config = DiagnoseConfig.model_validate(job.config)
    about = {"checkpoint_id": config.checkpoint.number, "schedule_id": config.schedule.number}
    row = adopt_artefact(Diagnosis, job, result.stored, config.name, **about, summary=result.summary)
    return Adopted({"diagnosis": row.uid}, result.summary)
