"""Time to make each page, and its number of queries, in a project with 1,000 runs.

A temporary PostgreSQL and Valkey are filled, and Django's test client asks for every main page: no network and no
browser, all of Django from the middleware to the last byte of the template. A page's time is the median over the
rounds. Each page's queries are counted with 40 runs and with 1,000: the difference must be nought.
"""

from __future__ import annotations

import os
import shutil
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from benchmarks.report import Figure, at_most, plain

if TYPE_CHECKING:
    from django.test import Client

NAME = "pages"
FEW_RUNS, MANY_RUNS = 40, 1000
GOAL_MILLISECONDS = 150.0


def measure(quick: bool) -> dict[str, Figure]:
    """Milliseconds per page with 1,000 runs, and how many queries 960 more runs have added."""
    with temporary_servers():
        from tests.made_up_project import MadeUpProject

        project = MadeUpProject()
        project.grow_to(FEW_RUNS)
        client, paths = signed_in(project.actor), main_pages(project)
        few = {name: count_queries(client, path) for name, path in paths.items()}
        project.grow_to(MANY_RUNS)
        many = {name: count_queries(client, path) for name, path in paths.items()}
        times = {name: milliseconds(client, path, rounds=5 if quick else 25) for name, path in paths.items()}
    return {
        "median_page": at_most(statistics.median(times.values()), GOAL_MILLISECONDS, "ms"),
        "slowest_page": at_most(max(times.values()), GOAL_MILLISECONDS, "ms"),
        "queries_added_by_rows": at_most(max(many[name] - few[name] for name in paths), 0, "queries"),
        **{f"page/{name}": plain(value, "ms") for name, value in times.items()},
        **{f"queries/{name}": plain(value, "queries") for name, value in many.items()},
    }


@contextmanager
def temporary_servers(durable: bool = False) -> Iterator[None]:
    """Django set up over an empty database that is gone afterwards; `durable`: it writes as carefully as a real one."""
    from chimera.launch import servers
    from chimera.launch.processes import Family

    root, family = servers.socket_directory(), Family()
    try:
        servers.start_postgres(family, root / "postgres", root, root / "postgres.log", durable=durable)
        servers.start_valkey(family, root, root / "valkey.log")
        os.environ |= {
            "DATABASE_URL": servers.database_url(root),
            "REDIS_URL": servers.redis_url(root),
            "CHIMERA_DATA_DIR": str(root / "data"),
            "DJANGO_SETTINGS_MODULE": "chimera.settings",
        }
        from chimera.launch.prepare import main as prepare

        prepare()
        yield
    finally:
        family.stop()
        shutil.rmtree(root, ignore_errors=True)


def signed_in(actor: Any) -> Client:
    from django.test import Client

    client = Client()
    client.force_login(actor.user)
    return client


def main_pages(project: Any) -> dict[str, str]:
    """Name → path of every main page, each with content."""
    from django.urls import reverse

    from eval_app.models import Study
    from training_app.models import TrainingRun

    run, study = TrainingRun.objects.earliest("pk"), Study.objects.earliest("pk")
    two = list(TrainingRun.objects.order_by("pk").values_list("pk", flat=True)[:2])
    paths = {name: reverse(name) for name in ("home", "data", "taxonomy", "curricula", "runs", "studies", "jobs")}
    return {
        **paths,
        "dataset": reverse("dataset-detail", args=[project.sequences.dataset_id]),
        "sequences": reverse("sequences-detail", args=[project.sequences.pk]),
        "schedule": reverse("schedule-detail", args=[project.schedule.pk]),
        "run": reverse("run-detail", args=[run.pk]),
        "run-series": reverse("run-series", args=[run.pk]),
        "compare": reverse("runs-compare") + "?" + "&".join(f"run={pk}" for pk in two),
        "study": reverse("study-detail", args=[study.pk]),
        "job": reverse("job-detail", args=[run.job_id]),
        "job-new": reverse("job-new", args=["train"]),
    }


def fetch(client: Client, path: str) -> None:
    """One answer, to its last byte.

    Raises:
        RuntimeError: its status is not 200.
    """
    response = client.get(path)
    _ = response.getvalue() if response.streaming else response.content
    if response.status_code != 200:
        raise RuntimeError(f"{path} answers with status {response.status_code}")


def count_queries(client: Client, path: str) -> int:
    """Queries of one request, the second one: caches that fill once are not counted."""
    from django.db import connection

    num_queries = 0

    def count(execute: Callable[..., Any], *arguments: Any) -> Any:
        nonlocal num_queries
        num_queries += 1
        return execute(*arguments)

    fetch(client, path)
    with connection.execute_wrapper(count):
        fetch(client, path)
    return num_queries


def milliseconds(client: Client, path: str, rounds: int) -> float:
    """Median over `rounds` requests."""
    spent = []
    for _ in range(rounds):
        started = time.perf_counter()
        fetch(client, path)
        spent.append(1e3 * (time.perf_counter() - started))
    return statistics.median(spent)
