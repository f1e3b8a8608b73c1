"""Studies and reports in the admin: looked at, never changed."""

from __future__ import annotations

from django.contrib import admin

from chimera.read_only_admin import ReadOnlyAdmin
from eval_app.models import EvalReport, OwnTask, PairVote, Reproduction, Score, Study


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


@admin.register(Reproduction)
class ReproductionAdmin(ReadOnlyAdmin):
    list_display = ["original", "word", "job", "created_at"]
    list_select_related = ["original", "job"]

    @admin.display(description="result")
    def word(self, row: Reproduction) -> str:
        return str((row.result or {}).get("word", "-"))


@admin.register(Score)
class ScoreAdmin(ReadOnlyAdmin):
    list_display = ["report", "task", "metric", "value", "low", "high", "n", "at_chance"]
    list_filter = ["task", "metric"]
    list_select_related = ["report"]


@admin.register(OwnTask)
class OwnTaskAdmin(ReadOnlyAdmin):
    list_display = ["label", "task", "project", "short_digest", "created_at"]
    list_filter = ["project"]
    search_fields = ["name", "task"]
    list_select_related = ["project"]


@admin.register(PairVote)
class PairVoteAdmin(ReadOnlyAdmin):
    list_display = ["candidate", "baseline", "task", "item", "choice", "voter", "judge", "made_at"]
    list_filter = ["task", "choice"]
    list_select_related = ["candidate", "baseline", "judge"]
