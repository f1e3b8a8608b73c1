"""The row of an evaluation, written in the transaction that ends its job."""

from __future__ import annotations

from chimera.jobs.adoption import adopt_artefact
from chimera.jobs.kinds import Adopted
from chimera.jobs.models import Job
from eval_app.core.configs_evaluate import EvaluateConfig
from eval_app.core.jobs.evaluate import EvaluateResult
from eval_app.models import EvalReport


def adopt_evaluate(job: Job, result: EvaluateResult) -> Adopted:
    config = EvaluateConfig.model_validate(job.config)
    row = adopt_artefact(
        EvalReport,
        job,
        result.stored,
        config.name,
        checkpoint_id=config.checkpoint.number,
        sequence_set_id=config.sequences.number,
        scores=result.scores,
    )
    return Adopted({"evaluation": row.uid}, {"scores": result.scores})
