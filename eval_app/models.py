"""Rows of evaluation: reports of single checkpoints and studies with their verdicts."""

from __future__ import annotations

from django.db import models

from chimera.jobs.models import Artefact, Job
from chimera.projects.models import Project
from curriculum_app.models import SequenceSet
from training_app.models import Checkpoint


class EvalReport(Artefact):
    """Scores of one checkpoint on one held-out set; per-item results are in the artefact's Parquet file."""

    ref_kind = "evaluation"

    checkpoint = models.ForeignKey(Checkpoint, on_delete=models.PROTECT, related_name="reports")
    sequence_set = models.ForeignKey(SequenceSet, on_delete=models.PROTECT, related_name="reports")
    scores = models.JSONField(default=dict)


class Study(models.Model):
    """Arms × seeds at one token budget with one primary outcome named before the start, and its verdict.

    Its cells are the runs whose jobs are children of its job (slot `train/<arm>/<seed>`).
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="studies")
    job = models.OneToOneField(Job, on_delete=models.CASCADE, related_name="study")
    sequence_set = models.ForeignKey(
        SequenceSet, null=True, blank=True, on_delete=models.PROTECT, related_name="studies"
    )
    name = models.CharField(max_length=200)
    question = models.CharField(max_length=300, blank=True)
    primary_outcome = models.CharField(max_length=200)
    verdict = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "studies"

    def __str__(self) -> str:
        return self.name

    @property
    def uid(self) -> str:
        return f"study-{self.pk}"
