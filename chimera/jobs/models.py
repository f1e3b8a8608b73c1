"""Job, its history and log, the worker list, and the abstract Artefact every stored thing derives from."""

from __future__ import annotations

import secrets
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Coalesce

from chimera.artefacts import ArtefactStore, Stored
from chimera.projects.models import Project


class State(models.TextChoices):
    """The states of a job (docs/jobs.md draws the machine)."""

    QUEUED = "queued", "queued"
    RUNNING = "running", "running"
    PAUSED = "paused", "paused"
    CANCELLING = "cancelling", "cancelling"
    CANCELLED = "cancelled", "cancelled"
    SUCCEEDED = "succeeded", "succeeded"
    FAILED = "failed", "failed"


# The order in which workers take jobs: higher priority first, then the place that somebody gave it, then older.
PLACE = Coalesce("position", "id", output_field=models.BigIntegerField())
ORDER = ("-priority", PLACE, "id")

FINISHED = (State.CANCELLED, State.SUCCEEDED, State.FAILED)


class ControlRequest(models.TextChoices):
    """What the user asked a running job to do at its next safe boundary."""

    NONE = "none", "none"
    PAUSE = "pause", "pause"
    RELEASE = "release", "release"  # its worker is being stopped: pause and queue again
    CANCEL = "cancel", "cancel"


def new_idempotency_key() -> str:
    return secrets.token_hex(16)


class Job(models.Model):
    """One piece of queued work. Its state changes only by compare-and-set in `chimera.jobs.services`."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="jobs")
    kind = models.CharField(max_length=40)
    name = models.CharField(max_length=200, blank=True)
    config = models.JSONField()
    fingerprint = models.CharField(max_length=64, db_index=True)
    queue = models.CharField(max_length=20, default="cpu")
    composite = models.BooleanField(default=False)
    idempotency_key = models.CharField(max_length=64, default=new_idempotency_key)
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.CASCADE, related_name="children")
    slot = models.CharField(max_length=120, blank=True)
    priority = models.IntegerField(default=0)
    position = models.BigIntegerField(null=True, blank=True, help_text="place among equal priorities; empty: by number")

    state = models.CharField(max_length=12, choices=State.choices, default=State.QUEUED)
    control = models.CharField(max_length=8, choices=ControlRequest.choices, default=ControlRequest.NONE)
    attempt = models.PositiveIntegerField(default=0)
    max_attempts = models.PositiveIntegerField(default=5)
    not_before = models.DateTimeField(null=True, blank=True)
    dispatched_at = models.DateTimeField(null=True, blank=True)
    lease_owner = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    progress_at = models.DateTimeField(null=True, blank=True)
    stuck_at = models.DateTimeField(null=True, blank=True, help_text="alive without progress: since then it is said")
    worker = models.CharField(max_length=120, blank=True)

    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(null=True, blank=True)
    unit = models.CharField(max_length=20, blank=True)
    message = models.CharField(max_length=300, blank=True)
    rate = models.FloatField(null=True, blank=True, help_text="units a second, of late")

    artifacts = models.JSONField(default=dict, blank=True)
    summary = models.JSONField(default=dict, blank=True)
    problems = models.JSONField(default=list, blank=True)
    error_class = models.CharField(max_length=120, blank=True)
    error_text = models.TextField(blank=True)

    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "idempotency_key"], name="one_job_per_idempotency_key"),
            models.UniqueConstraint(
                fields=["parent", "slot"], name="one_child_per_slot", condition=models.Q(parent__isnull=False)
            ),
        ]
        indexes = [
            models.Index(fields=["state", "queue", "-priority", "id"], name="job_queue"),
            models.Index(fields=["project", "-id"], name="job_of_project"),
        ]

    def __str__(self) -> str:
        return f"{self.uid} {self.kind} ({self.state})"

    @property
    def uid(self) -> str:
        return f"job-{self.pk}"

    @property
    def finished(self) -> bool:
        return self.state in FINISHED

    @property
    def seconds_left(self) -> float | None:
        """At the present rate, for this stage of the work; None when it is not running or nothing is known."""
        if self.state != State.RUNNING or not self.rate or self.total is None or self.done >= self.total:
            return None
        return (self.total - self.done) / self.rate


class JobEvent(models.Model):
    """Append-only history of a job's transitions. One with a `level` is an alert."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField(auto_now_add=True)
    state = models.CharField(max_length=12)
    attempt = models.PositiveIntegerField(default=0)
    message = models.CharField(max_length=500, blank=True)
    actor = models.CharField(max_length=150, blank=True)
    level = models.CharField(max_length=8, blank=True)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["-at"], name="alert_of_job", condition=models.Q(level__gt=""))]

    def __str__(self) -> str:
        return f"{self.job_id}: {self.state}"


class JobLog(models.Model):
    """A chunk of a job's log: lines of text, at most 64 KB."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="logs")
    attempt = models.PositiveIntegerField()
    at = models.DateTimeField(auto_now_add=True)
    level = models.CharField(max_length=8, default="info")
    text = models.TextField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.text[:80]


class Worker(models.Model):
    """A worker process that has been seen; alive when `seen_at` is recent."""

    name = models.CharField(max_length=120, unique=True)
    host = models.CharField(max_length=120)
    queues = models.CharField(max_length=120)
    concurrency = models.PositiveIntegerField(default=1)
    cpu_count = models.PositiveIntegerField(default=1)
    memory_bytes = models.BigIntegerField(default=0)
    accelerator = models.CharField(max_length=120, blank=True)
    started_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Artefact(models.Model):
    """A sealed, immutable artefact: the row is written after its directory has arrived in the store."""

    ref_kind: ClassVar[str]

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    job = models.ForeignKey(Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    name = models.CharField(max_length=200)
    version = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)
    bytes = models.BigIntegerField(default=0)
    manifest = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "digest"], name="%(class)s_one_row_per_digest"),
            models.UniqueConstraint(fields=["project", "name", "version"], name="%(class)s_one_row_per_version"),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def uid(self) -> str:
        return f"{self.ref_kind}-{self.pk}"

    @property
    def label(self) -> str:
        return f"{self.name}:v{self.version}"

    @property
    def deleted(self) -> bool:
        """Whether this row is a tombstone (kinds that can be deleted have `deleted_at` and `deleted_by`)."""
        return getattr(self, "deleted_at", None) is not None

    @property
    def short_digest(self) -> str:
        return self.digest[:12]

    def stored(self) -> Stored:
        """The opened directory.

        Raises:
            FileNotFoundError: the directory is not under this host's DATA_DIR.
        """
        return ArtefactStore(settings.DATA_DIR / "artefacts").load(self.ref_kind, self.digest)
