"""The pages of webhooks: the list, one with its log of deliveries, its form, the test button."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from chimera.config_forms import ConfigForm
from chimera.errors import InputError
from chimera.projects.models import Role
from chimera.projects.request import actor_of, crumbs
from chimera.webhooks import selectors, services
from chimera.webhooks.config import WebhookConfig
from chimera.webhooks.models import Delivery, Webhook

PAGE = 30


@require_GET
def webhook_list(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    context = {"rows": selectors.webhooks_of(actor), "owner": actor.can(Role.OWNER), "tab": "webhooks"}
    return render(request, "webhooks/list.html", context)


@require_GET
def webhook_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """What it sends where, and what became of it; the log follows while something waits."""
    actor = actor_of(request)
    webhook = selectors.webhook_get(actor, pk)
    log = Paginator(selectors.deliveries_of(actor, webhook), PAGE).get_page(request.GET.get("page"))
    context = {
        "webhook": webhook,
        "address": selectors.address_for(actor, webhook),
        "owner": actor.can(Role.OWNER),
        "page": log,
        "waiting": any(delivery.state == Delivery.State.WAITING for delivery in log),
        "crumbs": _crumbs(str(webhook)),
    }
    part = "_log" if request.headers.get("HX-Request") else "detail"
    return render(request, f"webhooks/{part}.html", context)


@require_http_methods(["GET", "POST"])
def webhook_new(request: HttpRequest) -> HttpResponse:
    return _edit(request, None)


@require_http_methods(["GET", "POST"])
def webhook_edit(request: HttpRequest, pk: int) -> HttpResponse:
    actor = actor_of(request)
    actor.require(Role.OWNER)
    return _edit(request, selectors.webhook_get(actor, pk))


def _edit(request: HttpRequest, webhook: Webhook | None) -> HttpResponse:
    actor = actor_of(request)
    actor.require(Role.OWNER)
    initial: dict[str, Any] = selectors.settings_of(webhook) if webhook else {}
    data = request.POST if request.method == "POST" else None
    form = ConfigForm(WebhookConfig, lambda kind: [], services.checked, data, initial)
    if data is not None and form.is_valid():
        try:
            saved = services.save(actor, form.raw(), webhook, request.build_absolute_uri("/"))
        except InputError as error:
            form.add_problems(error.problems)
        else:
            return redirect("webhook-detail", pk=saved.pk)
    title = str(webhook) if webhook else "New webhook"
    context = {"form": form, "groups": form.groups(), "title": title, "webhook": webhook, "crumbs": _crumbs(title)}
    return render(request, "webhooks/form.html", context, status=422 if form.errors else 200)


@require_POST
def webhook_test(request: HttpRequest, pk: int) -> HttpResponse:
    """Send a test message; its fate stands in the log."""
    actor = actor_of(request)
    actor.require(Role.OWNER)
    try:
        services.send_test(actor, selectors.webhook_get(actor, pk))
    except InputError as error:
        messages.error(request, str(error))
    return redirect("webhook-detail", pk=pk)


@require_POST
def webhook_remove(request: HttpRequest, pk: int) -> HttpResponse:
    actor = actor_of(request)
    actor.require(Role.OWNER)
    webhook = selectors.webhook_get(actor, pk)
    services.remove(actor, webhook)
    messages.success(request, f"“{webhook}” is removed")
    return redirect("webhooks")


def _crumbs(title: str) -> list[dict[str, str]]:
    return crumbs(("Alerts", reverse("alerts")), ("Webhooks", reverse("webhooks")), (title, ""))
