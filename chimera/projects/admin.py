"""Admin of projects, members and tokens."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from chimera.projects.models import ApiToken, Membership, Project


class MembershipInline(admin.TabularInline):  # type: ignore[type-arg]
    model = Membership
    extra = 0
    autocomplete_fields = ["user"]


@admin.register(Project)
class ProjectAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["name", "slug", "created_at"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}
    inlines = [MembershipInline]


@admin.register(Membership)
class MembershipAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["user", "project", "role"]
    list_filter = ["role", "project"]
    search_fields = ["user__username", "project__name"]
    autocomplete_fields = ["user", "project"]
    list_select_related = ["user", "project"]


@admin.register(ApiToken)
class ApiTokenAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Tokens are made on the command line (their text is shown once); here they are seen and withdrawn."""

    list_display = ["name", "user", "project", "created_at", "last_used_at"]
    list_filter = ["project"]
    search_fields = ["name", "user__username"]
    list_select_related = ["user", "project"]
    readonly_fields = ["project", "user", "name", "sha256", "created_at", "last_used_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False
