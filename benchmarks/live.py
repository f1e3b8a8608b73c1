"""From a worker's `write` to an open page: 200 metrics, 10 steps a second, through PostgreSQL, Valkey and the socket.

A recorder in this process writes at the pace of a run into a database that fsyncs; the web process of `make run` serves
the WebSocket, and a WebSocket client (the `websockets` package, not a browser: drawing is not in the figure) subscribes
as a page does. The delay of a step runs from `write` until its row has arrived and is parsed; p95 over all steps.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import statistics
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.metrics import new_recorder
from benchmarks.pages import signed_in, temporary_servers
from benchmarks.report import Figure, at_most, plain

NAME = "live"
NUM_METRICS, STEPS_PER_SECOND = 200, 10
GOAL_MILLISECONDS = 400.0


def measure(quick: bool) -> dict[str, Figure]:
    """Milliseconds from `write` to the client, and steps that were lost or came twice."""
    from chimera.launch.processes import Family

    family = Family()
    with temporary_servers(durable=True):
        try:
            return run_and_listen(family, steps=120 if quick else 600)
        finally:
            family.stop()


def run_and_listen(family: Any, steps: int) -> dict[str, Figure]:
    actor, run, recorder = new_recorder()
    port = start_web(family)
    cookie = signed_in(actor).cookies["sessionid"].value
    arrived: list[tuple[int, float]] = []
    listener = threading.Thread(target=listen, args=(port, cookie, run.uid, steps, arrived), daemon=True)
    listener.start()
    time.sleep(1.0)  # subscribed
    written = write_at_pace(recorder, steps)
    recorder.flush()
    listener.join(timeout=20)
    delays = sorted(1e3 * (at - written[step]) for step, at in arrived)
    seen = [step for step, _ in arrived]
    wrong = steps - len(set(seen)) + len(seen) - len(set(seen))
    return {
        "delay_p95": at_most(delays[int(0.95 * len(delays))], GOAL_MILLISECONDS, "ms"),
        "delay_median": plain(statistics.median(delays), "ms"),
        "delay_longest": plain(delays[-1], "ms"),
        "steps_lost_or_doubled": at_most(float(wrong), 0, "steps"),
    }


def write_at_pace(recorder: Any, steps: int) -> dict[int, float]:
    """Step → when `write` was called."""
    rng, written = np.random.default_rng(0), {}
    begin = time.time()
    for step in range(1, steps + 1):
        time.sleep(max(0.0, begin + step / STEPS_PER_SECOND - time.time()))
        values = {f"metric/{i}": value for i, value in enumerate(rng.random(NUM_METRICS).tolist())}
        written[step] = time.time()
        recorder.write(step, step * 4096, values)
    return written


def listen(port: int, cookie: str, topic: str, steps: int, arrived: list[tuple[int, float]]) -> None:
    """Subscribe as a page does and note when each step is here."""
    from websockets.sync.client import connect

    origin: Any = f"http://127.0.0.1:{port}"
    headers = {"Cookie": f"sessionid={cookie}"}
    address = f"ws://127.0.0.1:{port}/ws/live/"
    with connect(address, origin=origin, additional_headers=headers, max_size=None) as page:
        page.send(json.dumps({"subscribe": topic, "after": 0}))
        while not arrived or arrived[-1][0] < steps:
            rows = json.loads(page.recv(timeout=30)).get("rows", [])
            now = time.time()
            arrived += [(step, now) for row in rows for step in row["points"]["step"]]


def start_web(family: Any) -> int:
    """The web process on a free port, once it answers."""
    from chimera.launch.processes import wait_for

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "chimera.asgi:application", "--port", str(port)]
    log = Path(os.environ["CHIMERA_DATA_DIR"]) / "web.log"
    child = family.start(
        "web", [*command, "--log-level", "warning"], log, environment=dict(os.environ), grace=5, cwd=Path.cwd()
    )
    wait_for(lambda: answers(port), child, seconds=60)
    return port


def answers(port: int) -> bool:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        client.request("GET", "/login/")
        return client.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        client.close()
