"""Reads of webhooks, always within the actor's project."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.db.models import QuerySet
from django.http import Http404

from chimera.projects.access import Actor
from chimera.projects.models import Role
from chimera.webhooks.models import Delivery, Webhook


def webhooks_of(actor: Actor) -> list[tuple[Webhook, str, Delivery | None]]:
    """Every webhook, what the actor may see of its address, and its last delivery."""
    rows = Webhook.objects.filter(project=actor.project)
    latest = Delivery.objects.filter(webhook__in=rows).order_by("webhook_id", "-pk").distinct("webhook_id")
    last = {delivery.webhook_id: delivery for delivery in latest}
    return [(row, address_for(actor, row), last.get(row.pk)) for row in rows]


def webhook_get(actor: Actor, pk: int) -> Webhook:
    """The webhook `pk` of the project.

    Raises:
        Http404: there is none in this project.
    """
    row = Webhook.objects.filter(project=actor.project, pk=pk).first()
    if row is None:
        raise Http404(f"webhook {pk} does not exist in project {actor.project.slug}")
    return row


def address_for(actor: Actor, webhook: Webhook) -> str:
    """The whole address for owners, the host for others: addresses of chats let anybody write there."""
    url = str(webhook.config.get("url", ""))
    if actor.can(Role.OWNER):
        return url
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}/…"


def deliveries_of(actor: Actor, webhook: Webhook) -> QuerySet[Delivery]:
    """Its log, newest first."""
    return Delivery.objects.filter(webhook=webhook, webhook__project=actor.project)


def settings_of(webhook: Webhook) -> dict[str, Any]:
    """What its form begins with; the secret is never shown again."""
    return {**webhook.config, "secret": "", "active": webhook.active}
