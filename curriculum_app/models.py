"""Rows of the lowest app: taxonomy, dataset versions, sequences, curricula, schedules."""

from __future__ import annotations

import uuid

from django.db import models
from treebeard.mp_tree import MP_Node

from chimera.jobs.models import Artefact, Job
from chimera.projects.models import Project


class DatasetVersion(Artefact):
    """An immutable set of documents. `stage` tells raw imports from curated versions and from what programs wrote."""

    ref_kind = "dataset"

    class Stage(models.TextChoices):
        RAW = "raw", "raw"
        CURATED = "curated", "curated"
        SUBSET = "subset", "subset"
        GENERATED = "generated", "generated"

    stage = models.CharField(max_length=10, choices=Stage.choices)
    documents = models.BigIntegerField(default=0)
    deleted_at = models.DateTimeField(null=True, blank=True)  # a tombstone: the manifest stays, the files go
    deleted_by = models.CharField(max_length=150, blank=True)
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


class SchemaMapping(models.Model):
    """Which keys of a record hold what, under a name, to be used again; every import keeps its own copy."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="schema_mappings")
    name = models.CharField(max_length=120)
    mapping = models.JSONField(default=dict)
    defaults = models.JSONField(default=dict)  # domain, source, license, content
    saved_at = models.DateTimeField(auto_now=True)
    saved_by = models.CharField(max_length=150)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="schemamapping_one_row_per_name"),
        ]

    def __str__(self) -> str:
        return self.name


class RuleSample(Artefact):
    """What every rule of a recipe measures on a sample of documents: the basis of thresholds chosen by eye."""

    ref_kind = "rule-sample"

    datasets: models.ManyToManyField[DatasetVersion, models.Model] = models.ManyToManyField(
        DatasetVersion, related_name="rule_samples"
    )
    documents = models.BigIntegerField(default=0)


class ColumnSet(Artefact):
    """Measures of difficulty and quality, one value per document of a dataset version."""

    ref_kind = "columns"

    dataset = models.ForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="column_sets")


class Clustering(Artefact):
    """Embeddings of a dataset version and the clusters found in them."""

    ref_kind = "clustering"

    dataset = models.ForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="clusterings")
    clusters = models.PositiveIntegerField(default=0)


class ClusterName(models.Model):
    """What somebody calls a cluster, in the place of the suggested name; the clustering itself never changes."""

    clustering = models.ForeignKey(Clustering, on_delete=models.CASCADE, related_name="names")
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=80)
    named_by = models.CharField(max_length=150)
    named_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["clustering", "number"], name="clustername_one_row_per_cluster"),
        ]

    def __str__(self) -> str:
        return self.name


class Theme(models.Model):
    """A question that is answered yes or no about documents: educational, gold-standard code, safe, or one's own."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="themes")
    slug = models.SlugField(max_length=60)
    name = models.CharField(max_length=120)
    question = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=150)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["project", "slug"], name="theme_one_row_per_slug")]

    def __str__(self) -> str:
        return self.name


class Label(models.Model):
    """One person's answer about one text. Texts are known by their sha256, so labels outlive dataset versions."""

    theme = models.ForeignKey(Theme, on_delete=models.CASCADE, related_name="labels")
    text_sha256 = models.CharField(max_length=64)
    dataset = models.ForeignKey(DatasetVersion, null=True, on_delete=models.SET_NULL, related_name="+")
    document_id = models.TextField()
    text = models.TextField()
    value = models.BooleanField()
    annotator = models.CharField(max_length=150)
    at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["theme", "text_sha256", "annotator"], name="label_one_per_annotator"),
        ]

    def __str__(self) -> str:
        return f"{self.theme_id} {self.text_sha256[:12]}: {self.value}"


class LabelSet(Artefact):
    """The labels of a theme at one moment, with their texts: what classifiers are trained on."""

    ref_kind = "labels"

    theme = models.ForeignKey(Theme, on_delete=models.PROTECT, related_name="label_sets")
    positive = models.PositiveIntegerField(default=0)
    negative = models.PositiveIntegerField(default=0)


class Classifier(Artefact):
    """A classifier trained on the labels of a theme, with its precision and recall on labels held out."""

    ref_kind = "classifier"

    theme = models.ForeignKey(Theme, on_delete=models.PROTECT, related_name="classifiers")
    labels = models.ForeignKey(LabelSet, on_delete=models.PROTECT, related_name="classifiers")
    dataset = models.ForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="classifiers")


class Benchmark(Artefact):
    """The texts of a benchmark: training data is kept free of them."""

    ref_kind = "benchmark"

    items = models.BigIntegerField(default=0)


class MixturePlan(models.Model):
    """A version of a mixture ledger: target shares and which data is to fill them. A change makes the next version."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="mixture_plans")
    name = models.CharField(max_length=200)
    version = models.PositiveIntegerField()
    budget_tokens = models.BigIntegerField()
    rows = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=150)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "name", "version"], name="mixtureplan_one_row_per_version"),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        return f"{self.name}:v{self.version}"


class SequenceSet(Artefact):
    """Tokenised, grouped and packed sequences of a dataset version, with their held-out sets."""

    ref_kind = "sequences"

    dataset = models.ForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="sequence_sets")
    sequences = models.BigIntegerField(default=0)
    tokens = models.BigIntegerField(default=0)


class Curriculum(models.Model):
    """A versioned curriculum: a policy and its settings. Never changed; a change makes the next version.

    `parent` is what it was designed from. `sequence_set` and `budget_tokens` are what it was designed on; schedules may
    be made on others.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="curricula")
    name = models.CharField(max_length=200)
    version = models.PositiveIntegerField()
    policy = models.CharField(max_length=60)
    config = models.JSONField(default=dict)
    fingerprint = models.CharField(max_length=64)
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="children")
    sequence_set = models.ForeignKey(SequenceSet, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    budget_tokens = models.BigIntegerField(null=True, blank=True)
    job = models.ForeignKey(Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=150, blank=True)

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
