"""Rows of evaluations and of tasks, written in the transaction that ends their job."""

from __future__ import annotations

from chimera.jobs.adoption import adopt_artefact
from chimera.jobs.kinds import Adopted
from chimera.jobs.models import Job
from eval_app.core.configs_evaluate import EvaluateConfig
from eval_app.core.jobs.evaluate import EvaluateResult
from eval_app.core.jobs.register_task import TaskFileResult
from eval_app.core.task_scores import TaskScore
from eval_app.models import EvalReport, OwnTask, Score


def adopt_evaluate(job: Job, result: EvaluateResult) -> Adopted:
    """The report with its scores. The same scores made again are the same report."""
    config = EvaluateConfig.model_validate(job.config)
    manifest = result.stored.manifest
    row = adopt_artefact(
        EvalReport,
        job,
        result.stored,
        config.name,
        checkpoint_id=config.checkpoint.number,
        sequence_set_id=config.sequences.number if config.sequences else None,
        scores=manifest["scores"],
    )
    add_scores(row)
    return Adopted({"evaluation": row.uid}, {"scores": manifest["scores"], "missing": manifest.get("missing", {})})


def add_scores(report: EvalReport) -> None:
    """The rows of a report's task scores; those that exist stay."""
    scores = [TaskScore.model_validate(each) for each in report.manifest.get("task_scores", [])]
    Score.objects.bulk_create([_row(report, score) for score in scores], ignore_conflicts=True)


def _row(report: EvalReport, score: TaskScore) -> Score:
    return Score(report=report, **score.model_dump())


def adopt_task(job: Job, result: TaskFileResult) -> Adopted:
    manifest = result.stored.manifest
    row = adopt_artefact(OwnTask, job, result.stored, str(job.config["name"]), task=manifest["task"])
    return Adopted({"task": row.uid}, {"task": row.task, "title": manifest["title"]})
