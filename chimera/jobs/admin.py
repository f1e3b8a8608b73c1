"""Admin of jobs and workers: to look; states change only through the services."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest

from chimera.jobs.models import Job, JobEvent, JobLog, Worker
from chimera.read_only_admin import ReadOnlyAdmin


class JobEventInline(admin.TabularInline):  # type: ignore[type-arg]
    model = JobEvent
    extra = 0
    can_delete = False
    fields = ["at", "state", "attempt", "message", "actor"]
    readonly_fields = ["at", "state", "attempt", "message", "actor"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    list_display = [
        "uid",
        "kind",
        "name",
        "state",
        "project",
        "attempt",
        "priority",
        "worker",
        "created_by",
        "created_at",
    ]
    list_filter = ["state", "kind", "queue", "project"]
    search_fields = ["name", "=id", "worker", "slot"]
    list_select_related = ["project", "created_by"]
    date_hierarchy = "created_at"
    inlines = [JobEventInline]


@admin.register(JobEvent)
class JobEventAdmin(ReadOnlyAdmin):
    list_display = ["at", "job", "state", "attempt", "message", "actor"]
    list_filter = ["state"]
    search_fields = ["=job__id", "message"]
    list_select_related = ["job"]

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


@admin.register(JobLog)
class JobLogAdmin(ReadOnlyAdmin):
    list_display = ["at", "job", "attempt", "level", "excerpt"]
    list_filter = ["level"]
    search_fields = ["=job__id", "text"]
    list_select_related = ["job"]

    @admin.display(description="text")
    def excerpt(self, row: JobLog) -> str:
        return row.text[:120]


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin):
    list_display = ["name", "host", "queues", "concurrency", "cpu_count", "memory_bytes", "accelerator", "seen_at"]
    list_filter = ["host"]
    search_fields = ["name", "host"]
