"""Writes of webhooks: what owners set up, and notices for those that want them."""

from __future__ import annotations

import secrets
from typing import Any

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone
from pydantic import ValidationError

from chimera.errors import InputError, Problem, problems_of
from chimera.projects.access import Actor
from chimera.projects.models import Project, Role
from chimera.webhooks.config import LEVELS, WebhookConfig
from chimera.webhooks.formats import Notice
from chimera.webhooks.models import Delivery, Webhook

MOST_WEBHOOKS = 20


def announce(project_id: int, notice: Notice) -> None:
    """Tell every active webhook of the project that wants this level; part of the caller's transaction.

    The same `notice.once` again is not told again: a resumed run may come to the same alert a second time.
    """
    for webhook in Webhook.objects.filter(project=project_id, active=True):
        if LEVELS.index(notice.level) >= LEVELS.index(webhook.config["level"]):
            _enqueue(webhook, notice)


def checked(raw: Any) -> WebhookConfig:
    """The config of a webhook.

    Raises:
        InputError: it is wrong; each problem names its field.
    """
    try:
        return WebhookConfig.model_validate(raw)
    except ValidationError as error:
        raise InputError(problems_of(error)) from error


@transaction.atomic
def save(actor: Actor, raw: Any, webhook: Webhook | None, site: str) -> Webhook:
    """Add a webhook, or change `webhook`. Links in its messages begin with `site`.

    Raises:
        PermissionDenied: the actor is no owner: addresses of chats are secrets.
        InputError: the config is wrong, or there are too many.
    """
    actor.require(Role.OWNER)
    config = checked(raw)
    Project.objects.select_for_update().get(pk=actor.project.pk)
    if webhook is None:
        if Webhook.objects.filter(project=actor.project).count() >= MOST_WEBHOOKS:
            raise InputError(Problem(f"a project has at most {MOST_WEBHOOKS} webhooks"))
        webhook = Webhook(project=actor.project)
    webhook.config = {**config.as_json(), "secret": ""}
    webhook.secret = config.secret or webhook.secret
    webhook.active, webhook.site, webhook.changed_by = config.active, site[:300].rstrip("/"), actor.name
    webhook.save()
    return webhook


def remove(actor: Actor, webhook: Webhook) -> None:
    """Remove it together with its log."""
    actor.require(Role.OWNER)
    webhook.delete()


def send_test(actor: Actor, webhook: Webhook) -> Delivery:
    """Put a test message into the queue.

    Raises:
        InputError: it is switched off.
    """
    actor.require(Role.OWNER)
    if not webhook.active:
        raise InputError(Problem(f"“{webhook}” is switched off", hint="switch it on first"))
    once = f"test-{secrets.token_hex(8)}"
    message = f"A test from {actor.name}. Alerts of this project will look like this."
    return _enqueue(webhook, Notice("info", "Test", message, "/alerts/", once))


def _enqueue(webhook: Webhook, notice: Notice) -> Delivery:
    told = {**notice.as_json(), "at": notice.at or timezone.now().isoformat()}
    defaults = {"notice": told, "next_at": Now()}
    return Delivery.objects.get_or_create(webhook=webhook, once=notice.once[:500], defaults=defaults)[0]
