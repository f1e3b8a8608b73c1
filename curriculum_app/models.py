"""Rows of the lowest app: taxonomy, dataset versions, sequences, curricula, schedules."""

from __future__ import annotations

import uuid

from django.db import models
from treebeard.mp_tree import MP_Node

from chimera.jobs.models import Artefact, Job
from chimera.projects.models import Project


class DatasetVersion(Artefact):
    """An immutable set of documents. `stage` tells raw imports from curated versions."""

    ref_kind = "dataset"

    class Stage(models.TextChoices):
        RAW = "raw", "raw"
        CURATED = "curated", "curated"

    stage = models.CharField(max_length=10, choices=Stage.choices)
    documents = models.BigIntegerField(default=0)
    parents: models.ManyToManyField[DatasetVersion, models.Model] = models.ManyToManyField(
        "self", symmetrical=False, related_name="children", blank=True
    )


class DatasetTag(models.Model):
    """A name that points to a dataset version and can be moved; the versions themselves never change."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="dataset_tags")
    name = models.CharField(max_length=60)
    version = models.ForeignKey(DatasetVersion, on_delete=models.RESTRICT, related_name="tags")
    moved_at = models.DateTimeField(auto_now=True)
    moved_by = models.CharField(max_length=150)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="datasettag_one_row_per_name"),
        ]

    def __str__(self) -> str:
        return self.name


class DatasetTagMove(models.Model):
    """Append-only history of tags: who set, moved or removed which. Versions are named by label and digest."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="dataset_tag_moves")
    name = models.CharField(max_length=60)
    before = models.CharField(max_length=220, blank=True)
    before_digest = models.CharField(max_length=64, blank=True)
    after = models.CharField(max_length=220, blank=True)
    after_digest = models.CharField(max_length=64, blank=True)
    actor = models.CharField(max_length=150)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.name}: {self.before or 'nothing'} → {self.after or 'nothing'}"


class SequenceSet(Artefact):
    """Tokenised, grouped and packed sequences of a dataset version, with their held-out sets."""

    ref_kind = "sequences"

    dataset = models.ForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="sequence_sets")
    sequences = models.BigIntegerField(default=0)
    tokens = models.BigIntegerField(default=0)


class Curriculum(models.Model):
    """A versioned curriculum: a policy and its settings. Never changed; a change makes the next version."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="curricula")
    name = models.CharField(max_length=200)
    version = models.PositiveIntegerField()
    policy = models.CharField(max_length=60)
    config = models.JSONField(default=dict)
    fingerprint = models.CharField(max_length=64)
    job = models.ForeignKey(Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "curricula"
        constraints = [
            models.UniqueConstraint(fields=["project", "name", "version"], name="curriculum_one_row_per_version"),
            models.UniqueConstraint(fields=["project", "fingerprint"], name="curriculum_one_row_per_fingerprint"),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def uid(self) -> str:
        return f"curriculum-{self.pk}"

    @property
    def label(self) -> str:
        return f"{self.name}:v{self.version}"


class Schedule(Artefact):
    """The order in which one pool of sequences is delivered: a curriculum realised on data with a seed."""

    ref_kind = "schedule"

    curriculum = models.ForeignKey(Curriculum, on_delete=models.PROTECT, related_name="schedules")
    sequence_set = models.ForeignKey(SequenceSet, on_delete=models.PROTECT, related_name="schedules")
    seed = models.BigIntegerField(default=0)
    budget_tokens = models.BigIntegerField()
    pool_digest = models.CharField(max_length=64)
    order_digest = models.CharField(max_length=64)


class TaxonomyNode(MP_Node):
    """A node of the capability or safety tree of a project; `uuid` stays through renames and moves."""

    class Kind(models.TextChoices):
        CAPABILITY = "capability", "capability"
        SAFETY = "safety", "safety"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="taxonomy_nodes")
    uuid = models.UUIDField(default=uuid.uuid4, editable=False, unique=True)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    slug = models.SlugField(max_length=80)
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    weight = models.FloatField(default=1.0)
    target_count = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    node_order_by = ["name"]

    def __str__(self) -> str:
        return self.name


class TaxonomyChange(models.Model):
    """Append-only history of edits to the taxonomy: who did what, when."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="taxonomy_changes")
    node_uuid = models.UUIDField()
    action = models.CharField(max_length=10)
    detail = models.JSONField(default=dict)
    actor = models.CharField(max_length=150)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.action} {self.node_uuid}"
