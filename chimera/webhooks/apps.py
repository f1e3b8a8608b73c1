"""The Django app of webhooks."""

from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    name = "chimera.webhooks"
    label = "webhooks"
    verbose_name = "Webhooks"
