"""Rows of training: runs, checkpoints, metric rows and events."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from chimera.jobs.models import Artefact, Job
from chimera.projects.models import Project
from curriculum_app.models import Schedule


class Source(models.TextChoices):
    """Whose trainer a run's points come from."""

    HERE = "here", "trained here"
    CLIENT = "client", "own trainer"
    TRANSFORMERS = "transformers", "transformers"
    TENSORBOARD = "tensorboard", "TensorBoard"
    MLFLOW = "mlflow", "MLflow"
    CSV = "csv", "CSV"
    JSON = "json", "JSON"


class TrainingRun(models.Model):
    """A model trained once on one schedule with one seed. State and progress are its job's; config is frozen there."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="runs")
    job = models.OneToOneField(Job, on_delete=models.CASCADE, related_name="run")
    schedule = models.ForeignKey(Schedule, null=True, blank=True, on_delete=models.PROTECT, related_name="runs")
    name = models.CharField(max_length=200)
    source = models.CharField(max_length=20, choices=Source.choices, default=Source.HERE)
    group = models.CharField(max_length=200, blank=True)
    seed = models.BigIntegerField(default=0)
    parameters = models.BigIntegerField(null=True, blank=True)
    steps = models.BigIntegerField(null=True, blank=True)
    step = models.BigIntegerField(default=0)
    tokens = models.BigIntegerField(default=0)
    pace = models.FloatField(null=True, blank=True, help_text="tokens a second over the last minute of wall clock")
    budget_tokens = models.BigIntegerField(null=True, blank=True)
    latest = models.JSONField(default=dict, blank=True)
    best = models.JSONField(default=dict, blank=True)
    sparkline = models.JSONField(default=list, blank=True)
    summary = models.JSONField(default=dict, blank=True)
    planned_digest = models.CharField(max_length=64, blank=True)
    delivered_digest = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["project", "-id"], name="run_of_project")]

    def __str__(self) -> str:
        return self.name

    @property
    def uid(self) -> str:
        return f"run-{self.pk}"

    @property
    def foreign(self) -> bool:
        """Whether another trainer made it: then there is no schedule, no plan and no checkpoint to look at."""
        return self.source != Source.HERE

    @property
    def default_axis(self) -> str:
        """What its charts are drawn over at first: another trainer need not count tokens."""
        return "step" if self.foreign and not self.tokens else "tokens"


class MetricRow(models.Model):
    """All points of one flush of one run, append-only, until they are sealed into segments.

    `points` is `{"step": [int], "tokens": [int], "time": [float], "values": {key: [[row index, value], ...]}}`;
    non-finite values are the strings "NaN", "Infinity", "-Infinity" (JSON has no others).
    """

    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="metric_rows")
    attempt = models.PositiveIntegerField()
    seq = models.BigIntegerField()
    first_step = models.BigIntegerField()
    last_step = models.BigIntegerField()
    points = models.JSONField()
    written_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["seq"]
        constraints = [models.UniqueConstraint(fields=["run", "seq"], name="one_metric_row_per_seq")]

    def __str__(self) -> str:
        return f"{self.run_id}:{self.seq}"


class MetricLedger(models.Model):
    """Where the points of a run are: in segments up to row `sealed_seq`, in rows after it.

    Whoever moves or cuts points changes this row first, so its lock is the order between them, and a reader that finds
    it unchanged at the end has seen one state. `start` is the Unix time of the first sealed point.
    """

    run = models.OneToOneField(TrainingRun, primary_key=True, on_delete=models.CASCADE, related_name="metric_ledger")
    sealed_seq = models.BigIntegerField(default=0)
    cuts = models.BigIntegerField(default=0)
    start = models.FloatField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.run_id} to {self.sealed_seq}"


class MetricAxis(models.Model):
    """Where up to 1,024 successive points stand: kept once for all series that were logged at the same steps.

    `step`, `tokens` and `time` are columns as `training_app.core.segments` packs them.
    """

    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="metric_axes")
    count = models.PositiveIntegerField()
    lo_step = models.BigIntegerField()
    hi_step = models.BigIntegerField()
    lo_tokens = models.BigIntegerField()
    hi_tokens = models.BigIntegerField()
    lo_time = models.FloatField()
    hi_time = models.FloatField()
    step = models.BinaryField()
    tokens = models.BinaryField()
    time = models.BinaryField()

    def __str__(self) -> str:
        return f"{self.run_id}: {self.lo_step} to {self.hi_step}"


class MetricSegment(models.Model):
    """Up to 1,024 successive values of one series, packed; only the last segment of a series holds fewer.

    `place` is the number of points before it. The other columns sum it up without opening it: lowest, highest
    (of the finite values, with their steps) and last value, how many are not finite, the attempt that wrote the last.
    """

    run = models.ForeignKey(TrainingRun, db_index=False, on_delete=models.CASCADE, related_name="metric_segments")
    axis = models.ForeignKey(MetricAxis, on_delete=models.CASCADE, related_name="segments")
    key = models.TextField()
    place = models.BigIntegerField()
    attempt = models.PositiveIntegerField()
    lowest = models.FloatField(null=True)
    lowest_step = models.BigIntegerField(null=True)
    highest = models.FloatField(null=True)
    highest_step = models.BigIntegerField(null=True)
    last = models.FloatField()
    non_finite = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        ordering = ["key", "place"]
        constraints = [models.UniqueConstraint(fields=["run", "key", "place"], name="one_metric_segment_per_place")]

    def __str__(self) -> str:
        return f"{self.run_id}: {self.key} from point {self.place}"


class PlanEdit(models.Model):
    """Another order for what a run was not shown yet: asked for by a job, answered by the run between two steps."""

    class State(models.TextChoices):
        ASKED = "asked"
        MADE = "made"
        REFUSED = "refused"

    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="plan_edits")
    schedule = models.ForeignKey(Schedule, on_delete=models.PROTECT, related_name="+")
    before = models.ForeignKey(Schedule, on_delete=models.PROTECT, related_name="+")
    job = models.OneToOneField(Job, on_delete=models.PROTECT, related_name="plan_edit")
    first_row = models.BigIntegerField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.ASKED)
    answer = models.CharField(max_length=300, blank=True, help_text="why it was refused")
    step = models.BigIntegerField(null=True, blank=True, help_text="the last step before it was made or refused")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"edit {self.pk} of {self.run_id}"


class RunEvent(models.Model):
    """Something that happened to a run and is drawn on its charts (resumed, alert, checkpoint).

    Alerts of rules also say which rule (`training_app.selectors.alert_rules`), which series and which value.
    """

    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField(auto_now_add=True)
    attempt = models.PositiveIntegerField(default=0)
    step = models.BigIntegerField(null=True, blank=True)
    kind = models.CharField(max_length=40)
    message = models.CharField(max_length=500)
    level = models.CharField(max_length=8, blank=True)
    rule = models.CharField(max_length=60, blank=True)
    key = models.CharField(max_length=300, blank=True)
    value = models.FloatField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["run", "rule", "key", "step"], name="one_alert_per_point", condition=models.Q(rule__gt="")
            )
        ]
        indexes = [models.Index(fields=["-at"], name="alert_of_run", condition=models.Q(kind="alert"))]

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"


class AlertRule(models.Model):
    """A rule of a project (`config`: an AlertRuleConfig), or with `preset` a stand-in for one of the default set."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="alert_rules")
    preset = models.CharField(max_length=40, blank=True)
    config = models.JSONField()
    changed_by = models.CharField(max_length=150, blank=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "preset"], name="one_rule_per_preset", condition=models.Q(preset__gt="")
            )
        ]

    def __str__(self) -> str:
        return str(self.config.get("name", self.pk))


class AlertsSeen(models.Model):
    """Up to when a user has seen the alerts of a project."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "user"], name="one_mark_per_reader")]

    def __str__(self) -> str:
        return f"{self.user_id} until {self.at}"


class SavedState(models.Model):
    """The durable point a run resumes from: a directory in the job's scratch, safetensors and JSON only."""

    run = models.OneToOneField(TrainingRun, on_delete=models.CASCADE, related_name="saved_state")
    path = models.CharField(max_length=500)
    step = models.BigIntegerField()
    tokens = models.BigIntegerField()
    attempt = models.PositiveIntegerField()
    saved_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"{self.run_id} at step {self.step}"


class ClientSession(models.Model):
    """Which program writes a foreign run now, and how far: batches up to `last_seq` are stored."""

    run = models.OneToOneField(TrainingRun, on_delete=models.CASCADE, related_name="client")
    session = models.CharField(max_length=64)
    last_seq = models.BigIntegerField(default=0)
    program = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"{self.run_id}: batch {self.last_seq}"


class Checkpoint(Artefact):
    """A model: at a point of a run, imported, or an average. `parent` is what it was trained from."""

    ref_kind = "checkpoint"

    run = models.ForeignKey(TrainingRun, null=True, blank=True, on_delete=models.SET_NULL, related_name="checkpoints")
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="descendants")
    licence = models.CharField(max_length=60, blank=True)
    step = models.BigIntegerField(default=0)
    tokens = models.BigIntegerField(default=0)


class WorkerSpeed(models.Model):
    """What `measure-worker` has found on a machine: one row for each device and number of threads, the newest."""

    host = models.CharField(max_length=120)
    device = models.CharField(max_length=8)
    device_name = models.CharField(max_length=120)
    threads = models.PositiveIntegerField()
    memory_bytes = models.BigIntegerField()
    matmul = models.JSONField(help_text="precision → width → FLOP/s")
    bandwidth = models.FloatField(help_text="bytes/s")
    torch = models.CharField(max_length=40)
    measured_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["host", "-device", "threads"]
        constraints = [models.UniqueConstraint(fields=["host", "device", "threads"], name="one_speed_per_device")]

    def __str__(self) -> str:
        return f"{self.host} {self.device} × {self.threads}"

    @property
    def peaks(self) -> dict[str, float]:
        """FLOP/s at the best width, by precision."""
        return {precision: max(rates.values()) for precision, rates in self.matmul.items()}


class Chat(models.Model):
    """A conversation with several checkpoints at once: every prompt goes to all of them."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="chats")
    checkpoints = models.ManyToManyField(Checkpoint, related_name="chats")
    system = models.TextField(blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"chat-{self.pk}"


class ChatTurn(models.Model):
    """One prompt with how it was to be answered (`training_app.core.configs_models.Sampling`)."""

    chat = models.ForeignKey(Chat, on_delete=models.CASCADE, related_name="turns")
    number = models.PositiveIntegerField()
    prompt = models.TextField()
    sampling = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["chat", "number"], name="one_turn_per_number")]

    def __str__(self) -> str:
        return self.prompt[:80]


class ChatReply(models.Model):
    """What one checkpoint answers: `text` and `tokens` grow while its job runs, the rest comes at the end."""

    turn = models.ForeignKey(ChatTurn, on_delete=models.CASCADE, related_name="replies")
    checkpoint = models.ForeignKey(Checkpoint, on_delete=models.CASCADE, related_name="+")
    job = models.OneToOneField(Job, null=True, on_delete=models.SET_NULL, related_name="reply")
    text = models.TextField(blank=True)
    tokens = models.PositiveIntegerField(default=0)
    prompt_tokens = models.PositiveIntegerField(null=True)
    seconds = models.FloatField(null=True)
    ended = models.BooleanField(null=True, help_text="by itself, not by the limit of tokens")
    templated = models.BooleanField(null=True, help_text="shown by the chat template")
    dropped = models.PositiveIntegerField(default=0, help_text="oldest turns that did not fit")

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.text[:80]


class Diagnosis(Artefact):
    """What the gradients of a frozen checkpoint look like along a schedule, beside shuffles of it."""

    ref_kind = "diagnosis"

    checkpoint = models.ForeignKey(Checkpoint, on_delete=models.PROTECT, related_name="diagnoses")
    schedule = models.ForeignKey(Schedule, on_delete=models.PROTECT, related_name="diagnoses")
    summary = models.JSONField(default=dict)

    class Meta(Artefact.Meta):
        verbose_name_plural = "diagnoses"
