"""Webhooks in the admin: to look; addresses and secrets stay out of it."""

from __future__ import annotations

from django.contrib import admin

from chimera.read_only_admin import ReadOnlyAdmin
from chimera.webhooks.models import Delivery, Webhook


@admin.register(Webhook)
class WebhookAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "project", "active", "changed_by", "changed_at"]
    list_filter = ["project", "active"]
    list_select_related = ["project"]
    search_fields = ["changed_by"]
    exclude = ["secret", "config"]


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = ["created_at", "webhook", "state", "tries", "status", "answer"]
    list_filter = ["state"]
    list_select_related = ["webhook"]
    search_fields = ["once", "answer"]
