"""Histories as JSON or JSON Lines: W&B's, and the trainer_state.json of transformers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from chimera.errors import InputError, Problem
from training_app.core.run_readers.base import RUN_READERS, Found, FoundRun, RunReader, files_in, number, step_of

_STEPS, _TIMES = ("_step", "step", "global_step"), ("_timestamp", "timestamp", "time")
_AXES = {*_STEPS, *_TIMES, "_runtime", "_wandb"}
_MAX_LINE, _MAX_FILE = 16 << 20, 512 << 20
_DESCRIPTIONS = ("wandb-metadata.json", "wandb-summary.json", "config.json", "meta.json")


@RUN_READERS.register("json_history")
class JsonHistory(RunReader):
    """`wandb-history.jsonl` (docs.wandb.ai, 2020 on) and `trainer_state.json` (transformers, TrainerState, 2020 on).

    One object a line with `_step`, `_timestamp` and a number for each metric; or one JSON value: a list of such, or an
    object whose `log_history` is one.
    """

    title = "JSON history (W&B, transformers)"

    def recognises(self, path: Path) -> bool:
        return any(_looks_right(file) for file in files_in(path, _is_json))

    def read(self, path: Path, found: Found) -> None:
        for file in files_in(path, lambda file: file == path or (_is_json(file) and _looks_right(file))):
            run = found.run(_name(file), "json")
            for line, item in _items(file, run):
                _add(item, line, file, run)


def _is_json(file: Path) -> bool:
    return file.suffix.lower() in (".json", ".jsonl", ".ndjson") and file.name not in _DESCRIPTIONS


def _looks_right(file: Path) -> bool:
    with file.open("rb") as stream:
        begin = stream.read(1 << 16)
    return b'"log_history"' in begin or any(f'"{name}"'.encode() in begin for name in _STEPS)


def _name(file: Path) -> str:
    """`trainer_state` and `wandb-history` say nothing: their folder does."""
    return file.absolute().parent.name if file.stem in ("trainer_state", "wandb-history", "history") else file.stem


def _items(file: Path, run: FoundRun) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Line and object of every entry; a value that fills the whole file has its entries' places as lines."""
    if file.suffix.lower() == ".json":
        yield from _of_value(file, run)
        return
    with file.open("rb") as stream:
        for line, text in enumerate(iter(lambda: stream.readline(_MAX_LINE + 1), b""), start=1):
            if len(text) > _MAX_LINE:
                raise InputError(Problem(f"is longer than {_MAX_LINE >> 20} MiB", "", str(file), line))
            if text.strip():
                yield line, _object(_parsed(text, file, line), file, line)


def _of_value(file: Path, run: FoundRun) -> Iterator[tuple[int, Mapping[str, Any]]]:
    if file.stat().st_size > _MAX_FILE:
        raise InputError(Problem(f"is larger than {_MAX_FILE >> 20} MiB", "", str(file), hint="write JSON Lines"))
    said = _parsed(file.read_bytes(), file, None)
    if isinstance(said, dict) and isinstance(said.get("log_history"), list):
        run.settings = {name: value for name, value in said.items() if name != "log_history" and _is_plain(value)}
        said = said["log_history"]
    for place, item in enumerate(said if isinstance(said, list) else [said], start=1):
        yield place, _object(item, file, place)


def _parsed(text: bytes, file: Path, line: int | None) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        at = line if line is not None else getattr(error, "lineno", None)
        problem = Problem(f"is not JSON: {getattr(error, 'msg', error)}", "", str(file), at, "export it again")
        raise InputError(problem) from error


def _object(item: Any, file: Path, line: int) -> Mapping[str, Any]:
    if not isinstance(item, dict):
        raise InputError(Problem("is no object", "", str(file), line, "one object for each step"))
    return item


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str)


def _add(item: Mapping[str, Any], line: int, file: Path, run: FoundRun) -> None:
    name = next((name for name in _STEPS if name in item), None)
    if name is None:
        raise InputError(Problem("has no step", "_step", str(file), line, f"one of {', '.join(_STEPS)}"))
    step = step_of(item[name], file, line, name)
    time = next((number(item[key]) for key in _TIMES if key in item), None)
    for key, value in _numbers(item):
        run.points.add(key, step, float("nan") if time is None else time, value)


def _numbers(item: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Numbers by key, nested ones with slashes; W&B's media and histograms say `_type` and are left out."""
    for key, value in item.items():
        if isinstance(value, dict):
            if "_type" not in value:
                yield from _numbers(value, f"{prefix}{key}/")
        elif prefix or key not in _AXES:
            found = number(value) if not isinstance(value, str) or value in ("NaN", "Infinity", "-Infinity") else None
            if found is not None:
                yield f"{prefix}{key}", found
