"""MLflow: the `mlruns` folder of its file store, and the SQLite file of its tracking server."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import yaml

from chimera.errors import InputError, Problem
from training_app.core.run_readers.base import RUN_READERS, Found, FoundRun, RunReader, number, step_of

_DATABASES = (".db", ".sqlite", ".sqlite3")
_LARGEST = 1.7976931348623157e308  # what MLflow stores for infinity in SQLite
_NAME_TAG = "mlflow.runName"
_METRICS = "SELECT key, step, timestamp, value, is_nan FROM metrics WHERE run_uuid = ? ORDER BY key, step, timestamp"


@RUN_READERS.register("mlflow")
class MLflow(RunReader):
    """Runs of MLflow's FileStore and SqlAlchemyStore (mlflow/store/tracking of its sources, Apache-2.0, 2018 on).

    Parameters become settings, tags too (under `tags`, without MLflow's own); metrics keep step and timestamp. Runs
    that were deleted in MLflow are left out.
    """

    title = "MLflow"

    def recognises(self, path: Path) -> bool:
        if path.is_dir():
            return next(_run_folders(path), None) is not None or next(_databases(path), None) is not None
        return path.suffix.lower() in _DATABASES and _is_mlflow(path)

    def read(self, path: Path, found: Found) -> None:
        before = len(found.runs)
        if path.is_dir():
            for folder in _run_folders(path):
                _read_folder(folder, found)
        for file in _databases(path) if path.is_dir() else [path]:
            _read_database(file, found)
        if len(found.runs) == before:
            raise InputError(Problem("no run of MLflow in it", "path", str(path), hint="name mlruns or mlflow.db"))


def _databases(folder: Path) -> Iterator[Path]:
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in _DATABASES and file.is_file())
    yield from (file for file in files if _is_mlflow(file))


# -- the file store ----------------------------------------------------------------------------------------------------


def _run_folders(path: Path) -> Iterator[Path]:
    """Folders of runs: those whose meta.yaml names a run. `path` is mlruns, an experiment, or one run."""
    for depth in ("meta.yaml", "*/meta.yaml", "*/*/meta.yaml", "*/*/*/meta.yaml"):
        for file in sorted(path.glob(depth)):
            if (file.parent / "metrics").is_dir() and ".trash" not in file.parts:
                yield file.parent


def _read_folder(folder: Path, found: Found) -> None:
    meta = _meta(folder / "meta.yaml")
    if meta.get("lifecycle_stage", "active") != "active":
        return found.note("deleted runs are left out")
    tags = _texts(folder / "tags")
    run = found.run(str(meta.get("run_name") or tags.get(_NAME_TAG) or folder.name), "mlflow")
    _settings(run, _texts(folder / "params"), tags)
    for file in sorted((folder / "metrics").rglob("*")):
        if file.is_file() and not file.is_symlink():
            _read_metric(file, file.relative_to(folder / "metrics").as_posix(), run)
    return None


def _meta(file: Path) -> dict[str, Any]:
    try:
        said = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError, OSError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else None
        raise InputError(Problem("is no YAML", "meta.yaml", str(file), line, "copy the run again")) from error
    return said if isinstance(said, dict) else {}


def _texts(folder: Path) -> dict[str, str]:
    """File name → content, for params and tags."""
    files = sorted(file for file in folder.rglob("*") if file.is_file() and not file.is_symlink())
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()[:10_000].decode("utf-8", "replace") for file in files
    }


def _read_metric(file: Path, key: str, run: FoundRun) -> None:
    """Lines of `timestamp value step`."""
    with file.open(encoding="utf-8", errors="replace") as lines:
        for line, text in enumerate(lines, start=1):
            parts = text.split()
            if not parts:
                continue
            time, value = number(parts[0]), number(parts[1]) if len(parts) > 1 else None
            if time is None or value is None or len(parts) > 4:
                problem = Problem(f"{text.strip()[:80]!r} is no point", key, str(file), line, "timestamp value step")
                raise InputError(problem)
            run.points.add(key, step_of(parts[2], file, line, key) if len(parts) > 2 else 0, time / 1000, value)


# -- the database ------------------------------------------------------------------------------------------------------


def _is_mlflow(file: Path) -> bool:
    try:
        with closing(_open(file)) as database:
            names = {row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except sqlite3.Error:
        return False
    return {"runs", "metrics", "params", "tags"} <= names


def _open(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)


def _read_database(file: Path, found: Found) -> None:
    try:
        with closing(_open(file)) as database:
            _read_runs(database, found)
    except sqlite3.Error as error:
        hint = "name the file of an MLflow tracking server"
        raise InputError(Problem(f"is no database of MLflow: {error}", "path", str(file), hint=hint)) from error


def _read_runs(database: sqlite3.Connection, found: Found) -> None:
    rows = database.execute("SELECT run_uuid, name, lifecycle_stage FROM runs ORDER BY start_time, run_uuid").fetchall()
    for uuid, name, stage in rows:
        if stage != "active":
            found.note("deleted runs are left out")
            continue
        params = dict(database.execute("SELECT key, value FROM params WHERE run_uuid = ?", (uuid,)))
        tags = dict(database.execute("SELECT key, value FROM tags WHERE run_uuid = ?", (uuid,)))
        run = found.run(str(name or tags.get(_NAME_TAG) or uuid), "mlflow")
        _settings(run, params, tags)
        query = (
            "SELECT key, step, timestamp, value, is_nan FROM metrics WHERE run_uuid = ? ORDER BY key, step, timestamp"
        )
        for key, step, time, value, is_nan in database.execute(query, (uuid,)):
            run.points.add(key, max(int(step), 0), time / 1000, float("nan") if is_nan else _unbounded(value))


def _unbounded(value: float) -> float:
    return float("inf") if value >= _LARGEST else float("-inf") if value <= -_LARGEST else float(value)


def _settings(run: FoundRun, params: dict[str, str], tags: dict[str, str]) -> None:
    own = {key: value for key, value in tags.items() if not key.startswith("mlflow.")}
    run.settings = {**params, **({"tags": own} if own else {})}
    seed = params.get("seed", "")
    run.seed = int(seed) if seed.isdecimal() and len(seed) < 18 else 0
