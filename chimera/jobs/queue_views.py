"""The page of the queue: what waits in which order, and how to change that."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from chimera.errors import InputError
from chimera.jobs import ordering, selectors
from chimera.projects.access import Actor
from chimera.projects.models import Role
from chimera.projects.request import actor_of


@require_GET
def queue_page(request: HttpRequest) -> HttpResponse:
    return _page(request, actor_of(request))


@require_POST
def queue_order(request: HttpRequest) -> HttpResponse:
    """Either a whole new order (`order`), or one entry (`entry`) moved `by` places; `seen` is what was before it."""
    actor = actor_of(request)
    actor.require(Role.EDITOR)
    queue = request.POST.get("queue", "")
    try:
        seen = _numbers(request.POST.get("seen", ""))
        ordering.reorder(actor, queue, seen, _wanted(request, seen))
    except InputError as error:
        messages.error(request, str(error))
    return _page(request, actor) if request.headers.get("HX-Request") else redirect("job-queue-page")


def _wanted(request: HttpRequest, seen: list[int]) -> list[int]:
    entry = _numbers(request.POST.get("entry", ""))
    if not entry:
        return _numbers(request.POST.get("order", ""))
    if entry[0] not in seen:
        raise InputError("this entry is not in the list")
    by = request.POST.get("by", "")
    return ordering.moved(seen, entry[0], int(by) if by in ("-1", "1") else -len(seen))


def _page(request: HttpRequest, actor: Actor) -> HttpResponse:
    workers = selectors.workers_alive()
    served = {queue for worker in workers for queue in worker.queues.split(",")}
    waiting = set(ordering.queues_with_entries(actor))
    queues = sorted(waiting | served)
    context: dict[str, Any] = {
        "queues": [(queue, ordering.entries_of(actor, queue), queue not in served) for queue in queues],
        "running": selectors.jobs_list(actor, state="running").filter(composite=False),
        "workers": workers,
    }
    part = "_queue" if request.headers.get("HX-Request") else "queue"
    return render(request, f"jobs/{part}.html", context)


def _numbers(text: str) -> list[int]:
    parts = [part for part in text.split(",") if part]
    if not all(part.isdecimal() and len(part) < 19 for part in parts):
        raise InputError("an order is a list of numbers")
    return [int(part) for part in parts]
