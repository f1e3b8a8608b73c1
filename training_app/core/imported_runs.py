"""From the points that a reader has found to rows by step: sorted, each value once, named and hashed (pure numpy)."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from chimera.errors import InputError, Problem
from chimera.typed import sha256_json
from training_app.core.configs_external import MAX_CONFIG_BYTES, MAX_KEY_LENGTH, MAX_KEYS
from training_app.core.configs_import_run import ImportRunConfig
from training_app.core.run_readers.base import FoundRun, Points, Source

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
_ROWS_AT_ONCE = 10_000
_FORBIDDEN = re.compile(r"[^\w ./:@%+=,()#&-]")


@dataclass(frozen=True)
class ImportedRun:
    """A run that is ready to be written: what it is called, and the file with its rows."""

    name: str
    source: Source
    seed: int
    settings: dict[str, Any]
    file: Path
    num_points: int
    digest: str


@dataclass(frozen=True)
class Table:
    """Rows by rising step. The values of row i are `value[first[i]:first[i + 1]]`, of the series `keys[key[...]]`.

    `time` is in Unix seconds; 0 where the source has none.
    """

    keys: list[str]
    step: Ints
    tokens: Ints
    time: Floats
    first: Ints
    key: Ints
    value: Floats

    def rows(self) -> Iterator[tuple[int, int, float, dict[str, float]]]:
        """Step, tokens, time and values, a row at a time."""
        for start in range(0, len(self.step), _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            bounds = self.first[start : start + _ROWS_AT_ONCE + 1].tolist()
            held = slice(bounds[0], bounds[-1])
            keys, values = [self.keys[k] for k in self.key[held].tolist()], self.value[held].tolist()
            rows = zip(self.step[part].tolist(), self.tokens[part].tolist(), self.time[part].tolist(), strict=True)
            for place, (step, tokens, time) in enumerate(rows):
                own = slice(bounds[place] - bounds[0], bounds[place + 1] - bounds[0])
                yield step, tokens, time, dict(zip(keys[own], values[own], strict=True))


def key_of(name: str) -> str:
    """The name of a series as the app takes it: what a key may not hold becomes an underscore."""
    key = _FORBIDDEN.sub("_", name)[:MAX_KEY_LENGTH]
    return key if re.match(r"\w", key) else f"_{key}"[:MAX_KEY_LENGTH]


def table_of(points: Points, config: ImportRunConfig) -> Table:
    """Points (at least one) as rows; of two values of one series at one step the later one counts.

    Raises:
        InputError: too many series.
    """
    names = list(points.keys)
    keys = list(dict.fromkeys(config.rename.get(name, key_of(name)) for name in names))
    if len(keys) > MAX_KEYS:
        raise InputError(Problem(f"a run has more than {MAX_KEYS:,} series", "path", hint="leave some out"))
    new = np.array([keys.index(config.rename.get(name, key_of(name))) for name in names], dtype=np.int64)
    key = new[np.frombuffer(points.key, dtype=np.intc)]
    step, time = np.frombuffer(points.step, dtype=np.int64), np.frombuffer(points.time, dtype=np.float64)
    order = np.lexsort((key, step))  # stable: of equals, the one read last comes last
    step, key, time, value = step[order], key[order], time[order], np.frombuffer(points.value, dtype=np.float64)[order]
    last = np.concatenate(((step[1:] != step[:-1]) | (key[1:] != key[:-1]), [True]))
    step, key, time, value = step[last], key[last], time[last], value[last]
    first = np.flatnonzero(np.concatenate(([True], step[1:] != step[:-1])))
    return Table(
        keys=keys,
        step=step[first],
        tokens=_tokens(config, names, new, step, key, value, first),
        time=np.nan_to_num(np.fmax.reduceat(time, first), nan=0.0),
        first=np.concatenate((first, [len(step)])).astype(np.int64),
        key=key,
        value=value,
    )


def _tokens(
    config: ImportRunConfig, names: list[str], new: Ints, step: Ints, key: Ints, value: Floats, first: Ints
) -> Ints:
    """Tokens seen at every row: the newest count so far of the series that tells, else steps times tokens a step."""
    source = next((new[names.index(name)] for name in config.tokens_from if name in names), None)
    if source is None:
        return np.asarray(step[first] * (config.tokens_per_step or 0), dtype=np.int64)
    counted = np.where((key == source) & np.isfinite(value) & (value < 2**62), value, 0.0)
    ends = np.concatenate((first[1:], [len(step)])) - 1
    return np.asarray(np.maximum.accumulate(counted)[ends], dtype=np.int64)


def prepare(found: FoundRun, config: ImportRunConfig, file: Path) -> ImportedRun:
    """Write the rows of a run to `file`. Its digest names what it holds: name, settings, rows."""
    table = table_of(found.points, config)
    columns = {name: getattr(table, name) for name in ("step", "tokens", "time", "first", "key", "value")}
    np.savez(file, names=np.frombuffer(json.dumps(table.keys).encode(), dtype=np.uint8), **columns)
    settings = _plain(found.settings)
    digest = hashlib.sha256(sha256_json([found.name, found.source, settings, table.keys]).encode())
    for name in sorted(columns):
        digest.update(np.ascontiguousarray(columns[name]).tobytes())
    name = found.name.replace("\0", "\ufffd")[:200]
    return ImportedRun(name, found.source, found.seed, settings, file, len(table.value), digest.hexdigest())


def load(file: Path) -> Table:
    """What `prepare` has written."""
    with np.load(file, allow_pickle=False) as stored:
        columns = {name: stored[name] for name in stored.files if name != "names"}
        return Table(keys=json.loads(stored["names"].tobytes()), **columns)


def _plain(value: Any) -> Any:
    """JSON that every database holds; of settings that are too large the names stay."""
    text = json.dumps(_finite(value)).replace("\\u0000", "\\ufffd")
    said: dict[str, Any] = json.loads(re.sub(r"\\ud[89a-f][0-9a-f]{2}", "?", text))
    if len(text) > MAX_CONFIG_BYTES:
        said = {name: item if len(json.dumps(item)) < 1000 else "left out: too long" for name, item in said.items()}
    return said if len(json.dumps(said)) <= MAX_CONFIG_BYTES else {}


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {str(name): _finite(item) for name, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list) else value
