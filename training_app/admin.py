"""Training in the admin: everything can be looked up; what workers wrote can be read, not edited."""

from __future__ import annotations

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html

from chimera.read_only_admin import ReadOnlyAdmin
from training_app.models import (
    AlertRule,
    AlertsSeen,
    Chat,
    ChatReply,
    ChatTurn,
    Checkpoint,
    ClientSession,
    Diagnosis,
    MetricLedger,
    MetricRow,
    MetricSegment,
    PlanEdit,
    RunEvent,
    SavedState,
    TrainingRun,
    WorkerSpeed,
)


class ReadOnly(ReadOnlyAdmin):
    """Read-only, 50 rows a page, without counting the many."""

    list_per_page = 50
    show_full_result_count = False


@admin.register(TrainingRun)
class TrainingRunAdmin(ReadOnly):
    list_display = ("id", "name", "project", "group", "seed", "state", "step", "steps", "tokens", "page")
    list_filter = ("project", "job__state")
    list_select_related = ("project", "job")
    search_fields = ("name", "group")
    date_hierarchy = "created_at"

    @admin.display(ordering="job__state")
    def state(self, run: TrainingRun) -> str:
        return run.job.state

    @admin.display(description="page")
    def page(self, run: TrainingRun) -> str:
        return format_html('<a href="{}">open</a>', reverse("run-detail", args=[run.pk]))


@admin.register(Checkpoint)
class CheckpointAdmin(ReadOnly):
    list_display = ("id", "label", "project", "run", "step", "tokens", "bytes", "short_digest", "created_at")
    list_filter = ("project",)
    list_select_related = ("project", "run")
    search_fields = ("name", "digest")
    date_hierarchy = "created_at"


@admin.register(RunEvent)
class RunEventAdmin(ReadOnly):
    list_display = ("id", "run", "at", "attempt", "step", "kind", "level", "message")
    list_filter = ("kind", "level")
    list_select_related = ("run",)
    search_fields = ("message", "run__name")
    date_hierarchy = "at"


@admin.register(SavedState)
class SavedStateAdmin(ReadOnly):
    list_display = ("run", "step", "tokens", "attempt", "saved_at", "path")
    list_select_related = ("run",)
    search_fields = ("run__name", "path")


@admin.register(MetricLedger)
class MetricLedgerAdmin(ReadOnly):
    list_display = ("run", "sealed_seq", "cuts")
    list_select_related = ("run",)
    search_fields = ("=run__id", "run__name")


@admin.register(MetricSegment)
class MetricSegmentAdmin(ReadOnly):
    list_display = ("id", "run", "key", "place", "attempt", "lowest", "highest", "last", "non_finite")
    list_select_related = ("run",)
    search_fields = ("=run__id", "=key")


@admin.register(MetricRow)
class MetricRowAdmin(ReadOnly):
    list_display = ("id", "run", "attempt", "seq", "first_step", "last_step")
    list_select_related = ("run",)
    search_fields = ("=run__id", "run__name")


@admin.register(AlertRule)
class AlertRuleAdmin(ReadOnly):
    list_display = ("id", "project", "preset", "__str__", "changed_by", "changed_at")
    list_filter = ("project",)
    list_select_related = ("project",)
    search_fields = ("preset", "changed_by")


@admin.register(AlertsSeen)
class AlertsSeenAdmin(ReadOnly):
    list_display = ("user", "project", "at")
    list_filter = ("project",)
    list_select_related = ("user", "project")
    search_fields = ("user__username",)


@admin.register(PlanEdit)
class PlanEditAdmin(ReadOnly):
    list_display = ("id", "run", "schedule", "before", "first_row", "state", "answer", "step", "created_at")
    list_filter = ("run__project", "state")
    list_select_related = ("run", "schedule", "before")


@admin.register(Diagnosis)
class DiagnosisAdmin(ReadOnly):
    list_display = ("id", "label", "project", "checkpoint", "schedule", "bytes", "short_digest", "created_at")
    list_filter = ("project",)
    list_select_related = ("project", "checkpoint", "schedule")


@admin.register(Chat)
class ChatAdmin(ReadOnly):
    list_display = ("id", "project", "created_by", "created_at", "system")
    list_filter = ("project",)
    list_select_related = ("project", "created_by")
    search_fields = ("turns__prompt", "system")
    date_hierarchy = "created_at"


@admin.register(ChatTurn)
class ChatTurnAdmin(ReadOnly):
    list_display = ("id", "chat", "number", "__str__", "created_at")
    list_select_related = ("chat",)
    search_fields = ("=chat__id", "prompt")


@admin.register(ChatReply)
class ChatReplyAdmin(ReadOnly):
    list_display = ("id", "turn", "checkpoint", "job", "tokens", "seconds", "ended", "templated", "dropped")
    list_select_related = ("turn", "checkpoint", "job")
    search_fields = ("=turn__chat__id", "text")


@admin.register(WorkerSpeed)
class WorkerSpeedAdmin(ReadOnly):
    list_display = ("host", "device", "device_name", "threads", "memory_bytes", "bandwidth", "torch", "measured_at")
    list_filter = ("device",)
    search_fields = ("host", "device_name")


@admin.register(ClientSession)
class ClientSessionAdmin(ReadOnly):
    list_display = ("run", "program", "last_seq")
    list_select_related = ("run",)
    search_fields = ("=run__id", "program")
    exclude = ("session",)  # whoever knows it writes the run
