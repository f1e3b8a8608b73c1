"""Pages of many runs in a browser: from the address to lines in every chart of the window, beside trackio and MLflow.

All sides hold the same curves and are asked for the page that draws all runs: our comparison, trackio's dashboard,
MLflow's chart view (which shows ten runs unless told otherwise). Chromium visits them in turn, each time with an empty
cache; a page is there when every chart in the window has lines. A page of ours with 2,000 metrics must be usable too.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import page_peers
from benchmarks.live import start_web
from benchmarks.pages import temporary_servers
from benchmarks.report import Figure, at_most, plain

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from training_app.models import TrainingRun

NAME = "many-runs"
STEPS = 50
WINDOW = {"width": 1440, "height": 900}
GOALS = {"trackio": 0.6, "mlflow": 0.35}
GOAL_MILLISECONDS = 2_000.0  # of a page of 50 runs with 2,000 metrics each
SECONDS_TO_START = 240

# Every plot that is at least partly in the window has drawn lines, and there is one at all. Ours and MLflow's are
# plotly's; trackio draws with Vega into a canvas or an SVG, which is there once it has been drawn.
DRAWN = """plots => {
  const seen = [...document.querySelectorAll(plots.frame)].filter((node) => {
    const box = node.getBoundingClientRect();
    return box.height > 0 && box.top < innerHeight && box.bottom > 0;
  });
  return seen.length > 0 && seen.every((node) => node.querySelectorAll(plots.lines).length >= plots.count);
}"""
OURS = {"frame": "figure[data-patterns]:not(.is-empty)", "lines": ".scatterlayer .trace path.js-line"}
PLOTS = {
    "trackio": {"frame": ".vega-embed", "lines": "canvas, svg path", "count": 1},
    "mlflow": {"frame": ".js-plotly-plot", "lines": ".scatterlayer .trace path.js-line", "count": 1},
}


def measure(quick: bool) -> dict[str, Figure]:
    """Milliseconds from the address to the charts, ours and the peers', and their ratios."""
    from chimera.launch.processes import Family

    (runs, rounds), wide_metrics = ((20, 1), 100) if quick else ((200, 3), 2_000)
    family = Family()
    with temporary_servers(), browser() as chromium:
        try:
            many, wide = fill(runs, 20), fill(10 if quick else 50, wide_metrics)
            base, cookie = f"http://127.0.0.1:{start_web(family)}", session(many[0])
            with peers(runs) as addresses:
                figures = beside(chromium, base + comparison(many), cookie, runs, addresses, rounds, quick)
            figures |= own_pages(chromium, base, wide, rounds, quick)
        finally:
            family.stop()
    return figures


def own_pages(chromium: Browser, base: str, wide: list[TrainingRun], rounds: int, quick: bool) -> dict[str, Figure]:
    """Milliseconds until the pages of runs with very many metrics can be used: charts and rows are there."""
    rows, cookie, figures = {"frame": "table", "lines": "tbody tr", "count": len(wide)}, session(wide[0]), {}
    pages = {
        "compare": (comparison(wide), {**OURS, "count": len(wide)}),
        "run": (f"/runs/{wide[0].pk}/", {**OURS, "count": 1}),
        "list": ("/runs/", {**rows, "count": min(len(wide), 20)}),
    }
    for name, (path, plots) in pages.items():
        took = statistics.median(visit(chromium, base + path, plots, cookie) for _ in range(rounds))
        figures[f"{name}_of_many_metrics"] = plain(took, "ms") if quick else at_most(took, GOAL_MILLISECONDS, "ms")
    return figures


def beside(
    chromium: Browser, url: str, cookie: str, runs: int, addresses: dict[str, str], rounds: int, quick: bool
) -> dict[str, Figure]:
    """All sides in turn. With few runs a ratio says little: then it has no goal."""
    times: dict[str, list[float]] = {name: [] for name in ("ours", *addresses)}
    for _ in range(rounds):
        times["ours"].append(visit(chromium, url, {**OURS, "count": runs}, cookie))
        for name, address in addresses.items():
            if (took := attempt(chromium, address, PLOTS[name])) is not None:
                times[name].append(took)
    mine = statistics.median(times["ours"])
    figures = {"ours": plain(mine, "ms")}
    for name, goal in GOALS.items():
        if not times.get(name):
            figures[f"to_{name}"] = plain(0.0, "ratio (peer absent)")
            continue
        theirs = statistics.median(times[name])
        figures[name] = plain(theirs, "ms")
        ratio = mine / theirs
        figures[f"to_{name}"] = plain(ratio, "ratio", 1.0) if quick else at_most(ratio, goal, "ratio", 1.0)
    return figures


@contextmanager
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    from tests.browser import ARGUMENTS, find_chromium

    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # Playwright runs an event loop in this thread
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        yield chromium
        chromium.close()


def visit(chromium: Browser, url: str, plots: dict[str, Any], cookie: str = "") -> float:
    """Milliseconds until the charts of a page are drawn, in a context that has cached nothing."""
    context = chromium.new_context(viewport=WINDOW)  # type: ignore[arg-type]
    if cookie:
        context.add_cookies([{"name": "sessionid", "value": cookie, "url": url}])
    page = context.new_page()
    try:
        started = time.perf_counter()
        page.goto(url, wait_until="commit")
        page.wait_for_function(DRAWN, arg=plots, timeout=60_000, polling="raf")
        return 1e3 * (time.perf_counter() - started)
    finally:
        context.close()


def attempt(chromium: Browser, url: str, plots: dict[str, Any]) -> float | None:
    """As `visit`; None if the page of a peer cannot be opened or is not drawn in time."""
    from playwright.sync_api import Error

    try:
        return visit(chromium, url, plots)
    except Error:
        return None


def session(run: TrainingRun) -> str:
    from django.test import Client

    from chimera.projects.models import Membership

    client = Client()
    client.force_login(Membership.objects.filter(project=run.project).earliest("pk").user)
    return client.cookies["sessionid"].value


def comparison(runs: list[TrainingRun]) -> str:
    return "/runs/compare/?" + "&".join(f"run={run.pk}" for run in runs)


def fill(num_runs: int, num_metrics: int) -> list[TrainingRun]:
    """Finished runs of one project, each with the curves of `page_peers`, sealed."""
    from chimera.jobs.models import State
    from tests import factories
    from tests.web.run_factory import make_run
    from training_app.core.sealing import Line, Places, cut_up
    from training_app.models import MetricLedger, TrainingRun
    from training_app.services.sealing import save

    actor, names, step = factories.make_actor(), page_peers.names_of(num_metrics), np.arange(1, STEPS + 1)
    places = Places(step, step * 4096, np.asarray(1.7e9 + 0.1 * step, dtype=np.float64))
    made = []
    for number in range(num_runs):
        run = make_run(actor, f"run {number:03}", state=State.SUCCEEDED)
        values = [[page_peers.value_of(number, i, s) for s in range(STEPS)] for i in range(num_metrics)]
        lines = [Line(name, 0, np.array(curve)) for name, curve in zip(names, values, strict=True)]
        save(run.pk, 1, list(cut_up(places, lines)))
        MetricLedger.objects.update_or_create(run=run, defaults={"sealed_seq": 1, "start": float(places.time[0])})
        latest = {name: curve[-1] for name, curve in zip(names, values, strict=True)}
        TrainingRun.objects.filter(pk=run.pk).update(latest=latest, step=STEPS, tokens=STEPS * 4096)
        made.append(run)
    return made


@contextmanager
def peers(runs: int, metrics: int = 20) -> Iterator[dict[str, str]]:
    """The addresses of the peers that could be filled and started, by name."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        started = {name: start_peer(name, runs, metrics, Path(folder) / name) for name in GOALS}
        try:
            found = {name: address_of(process) for name, process in started.items()}
            yield {name: url for name, url in found.items() if url}
        finally:
            for process in started.values():
                os.killpg(process.pid, signal.SIGTERM)
                process.wait(20)


def start_peer(name: str, runs: int, metrics: int, folder: Path) -> subprocess.Popen[str]:
    folder.mkdir()
    python = os.environ.get("CHIMERA_BENCH_PYTHON", sys.executable)
    command = [python, str(Path(page_peers.__file__).resolve()), name, *map(str, (runs, metrics, STEPS)), str(folder)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True,
        env={**os.environ, **page_peers.OFFLINE},
    )  # fmt: skip


def address_of(process: subprocess.Popen[str]) -> str:
    """What the peer says it is at; empty if it ends or is silent for too long."""
    assert process.stdout is not None
    lines: Iterator[str] = process.stdout
    timer = threading.Timer(SECONDS_TO_START, process.kill)
    timer.start()
    try:
        return next((str(json.loads(line)["url"]) for line in lines if line.startswith("{")), "")
    finally:
        timer.cancel()
