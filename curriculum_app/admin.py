"""Admin of the lowest app. Artefacts are immutable: they can be looked at and deleted, not edited."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from chimera.format import byte_size, compact
from chimera.read_only_admin import ReadOnlyAdmin
from curriculum_app import models


class ShortListAdmin(ReadOnlyAdmin):
    """Read-only, 50 rows a page."""

    list_per_page = 50


class ArtefactAdmin(ShortListAdmin):
    """What all artefacts show."""

    list_filter = ["project", "created_at"]
    search_fields = ["name", "digest"]
    date_hierarchy = "created_at"
    page = ""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("project")

    @admin.display(description="hash", ordering="digest")
    def hash(self, row: Any) -> str:
        return str(row.short_digest)

    @admin.display(description="size", ordering="bytes")
    def size(self, row: Any) -> str:
        return byte_size(row.bytes)

    @admin.display(description="page")
    def on_site(self, row: Any) -> SafeString:
        return format_html('<a href="{}">open</a>', reverse(self.page, args=[row.pk]))


@admin.register(models.DatasetVersion)
class DatasetVersionAdmin(ArtefactAdmin):
    list_display = ["label", "project", "stage", "documents", "size", "hash", "created_at", "on_site"]
    list_filter = ["project", "stage", "created_at"]
    page = "dataset-detail"


@admin.register(models.DatasetTag)
class DatasetTagAdmin(ShortListAdmin):
    """Moved on the page of a version, where the history is written."""

    list_display = ["name", "project", "version", "moved_at", "moved_by"]
    list_filter = ["project", "moved_at"]
    list_select_related = ["project", "version"]
    search_fields = ["name", "version__name", "moved_by"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(models.DatasetTagMove)
class DatasetTagMoveAdmin(ShortListAdmin):
    list_display = ["at", "project", "actor", "name", "before", "after"]
    list_filter = ["project", "at"]
    list_select_related = ["project"]
    search_fields = ["name", "actor", "before", "after", "before_digest", "after_digest"]
    date_hierarchy = "at"

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(models.Theme)
class ThemeAdmin(ShortListAdmin):
    list_display = ["name", "project", "slug", "created_by", "created_at"]
    list_filter = ["project"]
    list_select_related = ["project"]
    search_fields = ["name", "slug", "question"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(models.Label)
class LabelAdmin(ShortListAdmin):
    """Given and taken back on the page of a theme."""

    list_display = ["theme", "document_id", "value", "annotator", "at"]
    list_filter = ["theme__project", "theme", "value", "at"]
    list_select_related = ["theme"]
    search_fields = ["document_id", "annotator", "text_sha256"]


@admin.register(models.LabelSet)
class LabelSetAdmin(ArtefactAdmin):
    list_display = ["label", "project", "theme", "positive", "negative", "size", "hash", "created_at"]
    list_select_related = ["project", "theme"]


@admin.register(models.Classifier)
class ClassifierAdmin(ArtefactAdmin):
    list_display = ["label", "project", "theme", "dataset", "labels", "size", "hash", "created_at", "on_site"]
    list_select_related = ["project", "theme", "dataset", "labels"]
    page = "classifier-detail"


@admin.register(models.Clustering)
class ClusteringAdmin(ArtefactAdmin):
    list_display = ["label", "project", "dataset", "clusters", "size", "hash", "created_at", "on_site"]
    list_select_related = ["project", "dataset"]
    page = "clustering-detail"


@admin.register(models.ClusterName)
class ClusterNameAdmin(ShortListAdmin):
    """Set on the page of a cluster."""

    list_display = ["clustering", "number", "name", "named_by", "named_at"]
    list_select_related = ["clustering"]
    search_fields = ["name", "named_by"]


@admin.register(models.SchemaMapping)
class SchemaMappingAdmin(ShortListAdmin):
    """Saved and deleted on the pages of the import."""

    list_display = ["name", "project", "saved_at", "saved_by"]
    list_filter = ["project", "saved_at"]
    list_select_related = ["project"]
    search_fields = ["name", "saved_by"]


@admin.register(models.SequenceSet)
class SequenceSetAdmin(ArtefactAdmin):
    list_display = ["label", "project", "dataset", "sequences", "token_count", "size", "hash", "created_at", "on_site"]
    list_select_related = ["project", "dataset"]
    page = "sequences-detail"

    @admin.display(description="tokens", ordering="tokens")
    def token_count(self, row: models.SequenceSet) -> str:
        return compact(row.tokens)


@admin.register(models.Schedule)
class ScheduleAdmin(ArtefactAdmin):
    list_display = ["label", "project", "curriculum", "sequence_set", "seed", "budget", "pool", "created_at", "on_site"]
    list_select_related = ["project", "curriculum", "sequence_set"]
    list_filter = ["project", "curriculum__policy", "created_at"]
    search_fields = ["name", "digest", "pool_digest", "order_digest"]
    page = "schedule-detail"

    @admin.display(description="tokens", ordering="budget_tokens")
    def budget(self, row: models.Schedule) -> str:
        return compact(row.budget_tokens)

    @admin.display(description="pool", ordering="pool_digest")
    def pool(self, row: models.Schedule) -> str:
        return row.pool_digest[:12]


@admin.register(models.Curriculum)
class CurriculumAdmin(ShortListAdmin):
    list_display = ["label", "project", "policy", "fingerprint", "created_at"]
    list_filter = ["project", "policy", "created_at"]
    list_select_related = ["project"]
    search_fields = ["name", "fingerprint"]


@admin.register(models.TaxonomyNode)
class TaxonomyNodeAdmin(ShortListAdmin):
    """Edited on the taxonomy page, where cycles and duplicates are rejected and history is written."""

    list_display = ["name", "project", "kind", "slug", "depth", "weight", "target_count", "updated_at", "on_site"]
    list_filter = ["project", "kind", "depth"]
    list_select_related = ["project"]
    search_fields = ["name", "slug", "uuid"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="page")
    def on_site(self, row: models.TaxonomyNode) -> SafeString:
        return format_html('<a href="{}">open</a>', reverse("taxonomy-node", args=[row.uuid]))


@admin.register(models.TaxonomyChange)
class TaxonomyChangeAdmin(ShortListAdmin):
    list_display = ["at", "project", "actor", "action", "what"]
    list_filter = ["project", "action", "at"]
    list_select_related = ["project"]
    search_fields = ["actor", "node_uuid"]
    date_hierarchy = "at"

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="node")
    def what(self, row: models.TaxonomyChange) -> str:
        return str(row.detail.get("path", ""))
