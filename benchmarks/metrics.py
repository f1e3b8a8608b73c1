"""Metric points: writing beside MLflow and trackio, bytes kept, and charts over a series of a million points.

Writing is `RunRecorder.write` with 20 metrics a call, as fast as it goes, and one `flush`, into a PostgreSQL that
fsyncs; the peers write the same values, each in a process of its own, in turn with us (`metric_peers.py`); a ratio is
the median over the rounds. Bytes are those of all tables, indexes and TOAST after sealing in steps, as housekeeping
does. A chart is one request through all of Django, from the session to the JSON, of a series smoothed over all points;
its goal is of processor time, ours and the database's, which other programs disturb less than the wall clock.
"""

from __future__ import annotations

import statistics
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import metric_peers
from benchmarks.pages import signed_in, temporary_servers
from benchmarks.report import Figure, at_least, at_most, plain

if TYPE_CHECKING:
    from django.test import Client

    from training_app.models import TrainingRun
    from training_app.services.recorder import RunRecorder

NAME = "metrics"
MILLION = 1_000_000
SPIKE = 617_283  # the step of the one value that is far off
TABLES = ("metricrow", "metricledger", "metricaxis", "metricsegment")


def measure(quick: bool) -> dict[str, Figure]:
    """Ratios of points a second (above 1: we are faster), bytes a point, milliseconds a chart."""
    with temporary_servers(durable=True):
        rounds, calls = (1, 2_000) if quick else (3, 20_000)
        return {**writing(rounds, calls), **keeping(quick), **charts(quick)}


def writing(rounds: int, calls: int) -> dict[str, Figure]:
    """Seconds per call of 20 metrics, ours and each peer's, in turn."""
    few = {"mlflow": max(calls // 40, 100), "trackio": calls}
    ours, peers = [], {name: list[float]() for name in few}
    for _ in range(rounds):
        ours.append(write_seconds(calls, metric_peers.NUM_METRICS) / calls)
        for name, times in peers.items():
            if (found := metric_peers.ask(name, few[name])) is not None:
                times.append(found["seconds"] / few[name])
    per_second = metric_peers.NUM_METRICS / statistics.median(ours)
    figures = {"points_per_second": plain(per_second, "points/s")}
    for name, goal in (("mlflow", 20.0), ("trackio", 1.0)):
        if not peers[name]:
            figures[f"writing_to_{name}"] = plain(0.0, "ratio (peer not installed)")
            continue
        ratio = statistics.median(peer / mine for peer, mine in zip(peers[name], ours, strict=False))
        figures[f"writing_to_{name}"] = at_least(ratio, goal, "ratio", 1.0)
        theirs = metric_peers.NUM_METRICS / statistics.median(peers[name])
        figures[f"points_per_second_{name}"] = plain(theirs, "points/s")
    figures["points_per_second_2000_keys"] = plain(2_000 * 100 / write_seconds(100, 2_000), "points/s")
    return figures


def new_recorder() -> tuple[Any, TrainingRun, RunRecorder]:
    """Somebody, a fresh run of theirs, and its recorder."""
    from chimera.jobs.leasing import Lease
    from tests import factories
    from tests.web.run_factory import make_run
    from training_app.services.recorder import RunRecorder

    actor = factories.make_actor()
    run = make_run(actor)
    recorder = RunRecorder(run, Lease(run.job_id, run.job.lease_owner, run.job.attempt))
    recorder.resume()
    return actor, run, recorder


def write_seconds(calls: int, num_metrics: int) -> float:
    """Until all calls are stored."""
    rng = np.random.default_rng(0)
    keys = [f"metric/{i}" for i in range(num_metrics)]
    lines = [dict(zip(keys, line, strict=True)) for line in rng.random((calls, num_metrics)).tolist()]
    _, _, recorder = new_recorder()
    started = time.perf_counter()
    for step, values in enumerate(lines, start=1):
        recorder.write(step, step * 4096, values)
    recorder.flush()
    return time.perf_counter() - started


def keeping(quick: bool) -> dict[str, Figure]:
    """Bytes a point of 20 noisy float64 series once they are sealed, and the peers' bytes for the same values."""
    from django.db import connection

    from training_app.services.sealing import seal

    _, run, recorder = new_recorder()
    empty_tables(connection)
    steps, rng, started = (12_800 if quick else 51_200), np.random.default_rng(1), 1.7e9
    keys = [f"metric/{i}" for i in range(metric_peers.NUM_METRICS)]
    sealing = 0.0
    for step in range(1, steps + 1):
        started += 0.1 + 0.01 * rng.standard_normal()
        recorder.write(step, step * 4096, dict(zip(keys, rng.random(len(keys)).tolist(), strict=True)), at=started)
        if step % 32 == 0:
            recorder.flush()  # rows of many steps, as of a run at full speed, but not of thousands
        if step % 3_200 == 0:
            before = time.perf_counter()
            seal(run.pk, timedelta(0), whole=step == steps)
            sealing += time.perf_counter() - before
    points = steps * len(keys)
    trackio = metric_peers.ask("trackio", steps // 4)
    mlflow = None if quick else metric_peers.ask("mlflow", 400)
    peer = None if trackio is None else trackio["bytes"] / (steps // 4 * len(keys))
    ours = table_bytes(connection) / points
    figures = {  # few steps leave the last segments half empty: then there is no goal
        "bytes_per_point": plain(ours, "bytes", peer) if quick else at_most(ours, 12.0, "bytes", peer),
        "sealing_points_per_second": plain(points / sealing, "points/s"),
    }
    if mlflow is not None:
        figures["bytes_per_point_mlflow"] = plain(mlflow["bytes"] / (400 * len(keys)), "bytes")
    return figures


def empty_tables(connection: Any) -> None:
    """What earlier measurements have written goes."""
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(f'training_app_{table}' for table in TABLES)}")


def table_bytes(connection: Any) -> int:
    """Of the tables of points with indexes and TOAST, after the vacuum that autovacuum does in time."""
    with connection.cursor() as cursor:
        total = 0
        for table in TABLES:
            cursor.execute(f"VACUUM training_app_{table}")
            cursor.execute("SELECT pg_total_relation_size(%s)", [f"training_app_{table}"])
            total += cursor.fetchone()[0]
    return total


def charts(quick: bool) -> dict[str, Figure]:
    """Milliseconds of a request for a chart over a million points: all of it, a window, without smoothing."""
    from django.urls import reverse

    actor, run, _ = new_recorder()
    store_series(run, MILLION)
    client, path, rounds = signed_in(actor), reverse("run-series", args=[run.pk]), 5 if quick else 25
    asked = {"key": "loss", "x": "tokens", "max_points": "700", "smoothing": "0.9"}
    whole, waited = milliseconds(client, path, asked, rounds)
    window = {"lo": str(4096 * 500_000), "hi": str(4096 * 520_000)}
    near, _ = milliseconds(client, path, {**asked, **window}, rounds)
    raw, _ = milliseconds(client, path, {**asked, "smoothing": "0"}, rounds)
    return {
        "chart_of_a_million_points": at_most(whole, 100.0, "ms"),
        "wall_chart_of_a_million_points": plain(waited, "ms"),
        "chart_of_a_million_points_raw": at_most(raw, 100.0, "ms"),
        "chart_of_a_window": plain(near, "ms"),
        "spike_visible": at_least(float(spike_seen(client, path, asked)), 1.0, "yes"),
        "smoothing_of_a_prefix_is_equal": at_least(float(prefix_equal(actor, client, path, asked)), 1.0, "yes"),
    }


def store_series(run: TrainingRun, count: int) -> None:
    """Write a series of `count` steps as segments, through the code that seals."""
    from training_app.core.sealing import Line, Places, cut_up
    from training_app.models import MetricLedger, TrainingRun
    from training_app.services.sealing import save

    rng, step = np.random.default_rng(2), np.arange(1, count + 1)
    noise = rng.normal(0, 0.05, MILLION)[:count]
    value = 2 + 5 * np.exp(-step / 1e5) + noise
    if count > SPIKE:
        value[SPIKE - 1] = 40.0
    places = Places(step, step * 4096, 1.7e9 + 0.1 * step + rng.normal(0, 0.01, MILLION)[:count])
    save(run.pk, 1, list(cut_up(places, [Line("loss", 0, value)])))
    MetricLedger.objects.update_or_create(run=run, defaults={"sealed_seq": 1, "start": float(places.time[0])})
    TrainingRun.objects.filter(pk=run.pk).update(latest={"loss": float(value[-1])}, step=count)


def answer(client: Client, path: str, asked: dict[str, str]) -> dict[str, Any]:
    """The one series that a chart is given."""
    response = client.get(path, asked)
    if response.status_code != 200:
        raise RuntimeError(f"{path} answers with status {response.status_code}")
    found: dict[str, Any] = response.json()["series"][0]
    return found


def milliseconds(client: Client, path: str, asked: dict[str, str], rounds: int) -> tuple[float, float]:
    """Processor milliseconds a request, ours and the database's, and the median by the wall clock."""
    import psutil
    from django.db import connection

    for _ in range(2):  # caches warm up
        client.get(path, asked)
    connection.ensure_connection()
    assert connection.connection is not None
    backends = [psutil.Process(connection.connection.info.backend_pid)]
    waited, before = [], processor_seconds(backends)
    for _ in range(rounds):
        started = time.perf_counter()
        client.get(path, asked)
        waited.append(1e3 * (time.perf_counter() - started))
    spent = processor_seconds(backends) - before
    return 1e3 * spent / rounds, statistics.median(waited)


def processor_seconds(others: list[Any]) -> float:
    """Of this process and of `others`."""
    return time.process_time() + sum(sum(process.cpu_times()[:2]) for process in others if process.is_running())


def spike_seen(client: Client, path: str, asked: dict[str, str]) -> int:
    """1 if the spike is drawn with its exact step on the linear and on the logarithmic axis."""
    drawn = [answer(client, path, {**asked, "log_x": log}) for log in ("", "1")]
    return int(all(dict(zip(found["step"], found["raw"], strict=True)).get(SPIKE) == 40.0 for found in drawn))


def prefix_equal(actor: Any, client: Client, path: str, asked: dict[str, str]) -> int:
    """1 if a run of 10,000 of the same points is smoothed to the same values as the million."""
    from django.urls import reverse

    from tests.web.run_factory import make_run

    run = make_run(actor)
    store_series(run, 10_000)
    short = answer(client, reverse("run-series", args=[run.pk]), {**asked, "max_points": "20000"})
    window = {"hi": str(4096 * 10_000), "max_points": "20000"}
    long = answer(client, path, {**asked, **window})
    pairs = zip(short["step"], short["smooth"], strict=True), zip(long["step"], long["smooth"], strict=True)
    ours, theirs = (dict(pair) for pair in pairs)
    return int(len(ours) == 10_000 and all(theirs[step] == value for step, value in ours.items()))
