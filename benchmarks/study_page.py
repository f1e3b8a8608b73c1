"""Time of a study's page over 20 arms and 5 seeds, and of what it fetches, on the server.

A temporary PostgreSQL is filled with one decided study of 100 made-up runs; Django's test client asks for its pages.
Every number is the median over rounds.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks.pages import count_queries, fetch, milliseconds, signed_in, temporary_servers
from benchmarks.report import Figure, at_most, plain

if TYPE_CHECKING:
    from django.test import Client

NAME = "study-page"
ARMS, SEEDS = 20, 5
GOAL = 300.0  # milliseconds
CHARTS = ("study-arm-differences", "study-curves")


def measure(quick: bool) -> dict[str, Figure]:
    """Milliseconds of the page, of the page before its verdict, and of its charts; the page's queries."""
    rounds = 5 if quick else 25
    with temporary_servers():
        from django.db import transaction
        from django.urls import reverse

        from tests import factories
        from tests.web.study_factory import make_study

        actor = factories.make_actor()
        with transaction.atomic():
            study = make_study(actor, arms=_arms(), seeds=range(1, SEEDS + 1), gains=_gains())
        client, page = signed_in(actor), reverse("study-detail", args=[study.pk])
        spent = _processor_milliseconds(client, page, rounds)
        decided, queries = milliseconds(client, page, rounds), count_queries(client, page)
        charts = {name: milliseconds(client, reverse(name, args=[study.pk]), rounds) for name in CHARTS}
        study.verdict = None
        study.save()
        undecided = milliseconds(client, page, rounds)
    return {
        "page": at_most(decided, GOAL, "ms"),
        "page_processor": at_most(spent, GOAL, "ms"),
        "page_without_verdict": at_most(undecided, GOAL, "ms"),
        "queries": plain(queries, "queries"),
        **{name: at_most(value, GOAL, "ms") for name, value in charts.items()},
    }


def _processor_milliseconds(client: Client, page: str, rounds: int) -> float:
    """Of this process, whatever else the machine does; without the database's."""
    fetch(client, page)
    started = time.process_time()
    for _ in range(rounds):
        fetch(client, page)
    return 1e3 * (time.process_time() - started) / rounds


def _arms() -> list[dict[str, object]]:
    """A baseline, and arms that differ, so that none shares another's runs."""
    steep = [{"key": "easy_to_hard", "config": {"sharpness": 0.5 * number}} for number in range(1, ARMS)]
    return [{"name": f"arm {n}", "policy": policy} for n, policy in enumerate([{"key": "shuffle"}, *steep])]


def _gains() -> dict[str, float]:
    return {f"arm {number}": 0.01 * (number - 5) for number in range(ARMS)}
