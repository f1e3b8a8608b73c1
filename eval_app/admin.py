"""Studies and reports in the admin: looked at, never changed."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from eval_app.models import EvalReport, Study


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Immutable rows: every field is shown, none can be edited or added."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(EvalReport)
class EvalReportAdmin(ReadOnlyAdmin):
    list_display = ["label", "project", "checkpoint", "sequence_set", "short_digest", "created_at"]
    list_filter = ["project"]
    search_fields = ["name", "digest"]
    list_select_related = ["project", "checkpoint", "sequence_set"]


@admin.register(Study)
class StudyAdmin(ReadOnlyAdmin):
    list_display = ["name", "project", "word", "primary_outcome", "job", "created_at"]
    list_filter = ["project"]
    search_fields = ["name"]
    list_select_related = ["project", "job"]

    @admin.display(description="verdict")
    def word(self, study: Study) -> str:
        return str((study.verdict or {}).get("word", "-"))
