"""The queue of deliveries: any number of workers take from it, each delivery is claimed by one at a time.

Workers do this in their main process (chimera/jobs/workers.py): a delivery never waits behind a training run. A
worker that dies between the call and its note makes a second call; the header X-Chimera-Delivery says which one it is.
"""

from __future__ import annotations

import time
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from chimera.webhooks.formats import Notice, body_of, signature
from chimera.webhooks.models import Delivery
from chimera.webhooks.post import Answer, post

MOST_TRIES = 7
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=10), timedelta(hours=1)
CLAIM = timedelta(minutes=1)  # longer than any call: then another worker tries
KEPT = timedelta(days=30)
AT_ONCE = 50


def deliver_due() -> int:
    """Make the calls that are due; how many."""
    for made in range(AT_ONCE):
        delivery = _claim()
        if delivery is None:
            return made
        _note(delivery, _call(delivery))
    return AT_ONCE


def forget_old() -> None:
    """Remove what was told long ago."""
    Delivery.objects.filter(created_at__lt=Now() - KEPT).exclude(state=Delivery.State.WAITING).delete()


@transaction.atomic
def _claim() -> Delivery | None:
    due = Delivery.objects.filter(state=Delivery.State.WAITING, next_at__lte=Now(), webhook__active=True)
    row = due.order_by("next_at").select_for_update(skip_locked=True, of=("self",)).first()
    if row is None:
        return None
    Delivery.objects.filter(pk=row.pk).update(tries=F("tries") + 1, next_at=Now() + CLAIM)
    return Delivery.objects.select_related("webhook__project").get(pk=row.pk)


def _call(delivery: Delivery) -> Answer:
    webhook = delivery.webhook
    body = body_of(webhook.config["format"], Notice(**delivery.notice), webhook.project.slug, webhook.site)
    stamp = str(int(time.time()))
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Chimera",
        "X-Chimera-Delivery": str(delivery.pk),
        "X-Chimera-Timestamp": stamp,
    }
    if webhook.secret:
        headers["X-Chimera-Signature"] = signature(webhook.secret, stamp, body)
    return post(webhook.config["url"], body, headers, allow_private=settings.WEBHOOK_PRIVATE)


def _note(delivery: Delivery, answer: Answer) -> None:
    """Write down what came of the call, unless another worker has taken the delivery over meanwhile."""
    if answer.delivered:
        state = Delivery.State.DELIVERED
    elif answer.worth_another_try and delivery.tries < MOST_TRIES:
        state = Delivery.State.WAITING
    else:
        state = Delivery.State.GIVEN_UP
    mine = Delivery.objects.filter(pk=delivery.pk, tries=delivery.tries, state=Delivery.State.WAITING)
    mine.update(
        state=state,
        status=answer.status or None,
        answer=answer.text,
        seconds=answer.seconds,
        next_at=Now() + pause_after(delivery.tries),
    )


def pause_after(tries: int) -> timedelta:
    """How long to wait after so many tries: 10 s, 40 s, 160 s … an hour at most."""
    return min(LONGEST_WAIT, FIRST_WAIT * int(4 ** (tries - 1)))
