"""The peers of `many-runs` as servers: `page_peers.py NAME RUNS METRICS STEPS FOLDER` fills a store and serves it.

Needs `pip install mlflow trackio`; CHIMERA_BENCH_PYTHON names an interpreter that has them, if this one has not. A line
of the output is the address of the page on which all runs are drawn.
"""

from __future__ import annotations

import json
import math
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

OFFLINE = {
    "HF_HUB_OFFLINE": "1", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_TELEMETRY_DISABLED": "1",
}  # fmt: skip
DECLARED = ("loss", "held_out/macro", "token_entropy", "stable_rank/mean", "grad_norm", "learning_rate")


def names_of(num_metrics: int) -> list[str]:
    """Six metrics that our compare page draws by itself, and as many others as are wanted."""
    others = [f"group{i // 20}/metric{i}" for i in range(max(num_metrics - len(DECLARED), 0))]
    return [*DECLARED, *others][:num_metrics]


def value_of(run: int, metric: int, step: int) -> float:
    """A falling curve with a wave of its own for every run and metric."""
    return 2 + math.exp(-step / 20) * (1 + metric % 7) + 0.1 * math.sin(step * (1 + run % 13) / 9) + run / 400


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def serve_trackio(runs: int, metrics: int, steps: int, folder: Path) -> None:
    """Its dashboard of the project, on which every run is chosen."""
    os.environ["TRACKIO_DIR"] = str(folder)
    import trackio
    from trackio.sqlite_storage import SQLiteStorage

    names = names_of(metrics)
    for run in range(runs):
        lines = [{name: value_of(run, i, step) for i, name in enumerate(names)} for step in range(steps)]
        SQLiteStorage.bulk_log("benchmark", f"run-{run:03}", lines, steps=list(range(steps)))
    port = free_port()
    trackio.show(project="benchmark", open_browser=False, block_thread=False, server_port=port)
    print(json.dumps({"url": f"http://127.0.0.1:{port}/?project=benchmark"}), flush=True)
    time.sleep(3600)


def serve_mlflow(runs: int, metrics: int, steps: int, folder: Path) -> None:
    """The chart view of its experiment over a SQLite store."""
    import mlflow
    from mlflow.entities import Metric

    store, names, now = f"sqlite:///{folder}/mlflow.db", names_of(metrics), int(time.time() * 1000)
    client = mlflow.MlflowClient(store)
    experiment = client.create_experiment("benchmark", artifact_location=str(folder / "artifacts"))
    for run in range(runs):
        made = client.create_run(experiment, run_name=f"run-{run:03}")
        points = [Metric(n, value_of(run, i, s), now + s, s) for i, n in enumerate(names) for s in range(steps)]
        for first in range(0, len(points), 1000):
            client.log_batch(made.info.run_id, points[first : first + 1000])
        client.set_terminated(made.info.run_id)
    port = free_port()
    command = ["server", "--backend-store-uri", store, "--port", str(port), "--workers", "1"]
    server = subprocess.Popen([sys.executable, "-m", "mlflow", *command], stdout=subprocess.DEVNULL)
    while server.poll() is None and not listens(port):
        time.sleep(0.2)
    url = f"http://127.0.0.1:{port}/#/experiments/{experiment}/runs?compareRunsMode=CHART"
    print(json.dumps({"url": url}), flush=True)
    server.wait()


PEERS: dict[str, Any] = {"mlflow": serve_mlflow, "trackio": serve_trackio}

if __name__ == "__main__":
    PEERS[sys.argv[1]](*map(int, sys.argv[2:5]), Path(sys.argv[5]))
