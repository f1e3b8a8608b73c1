"""The peers of `metrics` and `live`, each run in a process of its own: `python metric_peers.py NAME CALLS FOLDER`.

Needs `pip install mlflow trackio`; CHIMERA_BENCH_PYTHON names an interpreter that has them, if this one has not. A
line of the output is JSON: seconds for all calls until they are stored, and bytes of what is stored.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

NUM_METRICS = 20
OFFLINE = {"HF_HUB_OFFLINE": "1", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}


def ask(name: str, calls: int, seconds: float = 120.0) -> dict[str, float] | None:
    """What the peer `name` measures with `calls` calls; None if it is not installed or does not end in time."""
    python = os.environ.get("CHIMERA_BENCH_PYTHON", sys.executable)
    with tempfile.TemporaryDirectory() as folder:
        command = [python, str(Path(__file__).resolve()), name, str(calls), folder]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=seconds, env={**os.environ, **OFFLINE}, check=False
            )
        except subprocess.TimeoutExpired:
            return None
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]  # peers have words of their own
    found: dict[str, float] | None = json.loads(lines[-1]) if done.returncode == 0 and lines else None
    return found


def values_of(call: int) -> dict[str, float]:
    """Twenty metrics of one call: noise, as losses and norms are."""
    return {f"metric/{i}": ((call * 7919 + i * 104_729) % 1_000_003) / 999_983.0 for i in range(NUM_METRICS)}


def bytes_under(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def mlflow_calls(calls: int, folder: Path) -> dict[str, float]:
    """`log_batch` of `MlflowClient` over a SQLite store."""
    import mlflow
    from mlflow.entities import Metric

    client = mlflow.MlflowClient(f"sqlite:///{folder}/mlflow.db")
    run = client.create_run(client.create_experiment("benchmark", artifact_location=str(folder / "artifacts")))
    now = int(time.time() * 1000)
    batches = [[Metric(key, value, now, step) for key, value in values_of(step).items()] for step in range(calls)]
    client.log_batch(run.info.run_id, batches[0])
    empty, started = bytes_under(folder), time.perf_counter()
    for batch in batches[1:]:
        client.log_batch(run.info.run_id, batch)
    seconds = time.perf_counter() - started
    started = time.perf_counter()
    client.get_metric_history(run.info.run_id, "metric/0")
    return {
        "seconds": seconds * calls / (calls - 1), "bytes": bytes_under(folder) - empty,
        "read_seconds": time.perf_counter() - started,
    }  # fmt: skip


def trackio_calls(calls: int, folder: Path) -> dict[str, float]:
    """`log` until `finish` has stored everything in the local SQLite file."""
    os.environ["TRACKIO_DIR"] = str(folder)
    import trackio

    values = [values_of(step) for step in range(calls)]
    run = trackio.init(project="benchmark", embed=False, auto_log_gpu=False, auto_log_cpu=False)
    run.log(values_of(0), step=0)
    time.sleep(2)  # its sender thread has started, its tables exist
    empty, started = bytes_under(folder), time.perf_counter()
    for step, line in enumerate(values, start=1):
        run.log(line, step=step)
    run.finish()
    seconds = time.perf_counter() - started
    stored = bytes_under(folder) - empty
    from trackio.sqlite_storage import SQLiteStorage

    started = time.perf_counter()
    found = SQLiteStorage.get_logs("benchmark", run.name, max_points=None)
    reading = time.perf_counter() - started
    if len(found) < calls:
        raise SystemExit(f"trackio stored {len(found)} of {calls} calls")
    return {"seconds": seconds, "bytes": stored, "read_seconds": reading}


PEERS: dict[str, Any] = {"mlflow": mlflow_calls, "trackio": trackio_calls}

if __name__ == "__main__":
    print(json.dumps(PEERS[sys.argv[1]](int(sys.argv[2]), Path(sys.argv[3]))))
