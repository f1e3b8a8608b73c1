"""Rows for the results of training a classifier and freezing a subset, in the transaction that ends the job."""

from __future__ import annotations

from django.urls import reverse

from chimera.jobs.adoption import adopt_artefact
from chimera.jobs.kinds import Adopted
from chimera.jobs.models import Job
from curriculum_app.core.configs_themes import SubsetConfig, TrainClassifierConfig
from curriculum_app.core.dataset_version import VersionResult
from curriculum_app.core.jobs.train_classifier import ClassifierResult
from curriculum_app.models import Classifier, DatasetVersion, LabelSet


def adopt_classifier(job: Job, result: ClassifierResult) -> Adopted:
    config = TrainClassifierConfig.model_validate(job.config)
    labels = LabelSet.objects.get(pk=config.labels.number)
    row = adopt_artefact(
        Classifier,
        job,
        result.stored,
        config.name,
        theme_id=labels.theme_id,
        labels=labels,
        dataset_id=config.dataset.number,
    )
    measured = result.stored.manifest["measured"]
    summary = {name: measured[name] for name in ("threshold", "precision", "recall", "f1", "n")}
    return Adopted({"classifier": row.uid}, summary)


def adopt_subset(job: Job, result: VersionResult) -> Adopted:
    config = SubsetConfig.model_validate(job.config)
    manifest = result.stored.manifest
    stage, documents = DatasetVersion.Stage.SUBSET, manifest["counts"]["documents"]
    row = adopt_artefact(DatasetVersion, job, result.stored, manifest["name"], stage=stage, documents=documents)
    row.parents.set([config.dataset.number])
    return Adopted({"dataset": row.uid}, {"documents": row.documents, "bytes": row.bytes})


def classifier_page(job: Job) -> str:
    """The page of the classifier, once there is one."""
    uid = job.artifacts.get("classifier", "")
    return reverse("classifier-detail", args=[int(uid.rpartition("-")[2])]) if uid else ""
