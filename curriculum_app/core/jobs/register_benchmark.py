"""The job `register-benchmark`: a file of items into an immutable benchmark (pure)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chimera.artefacts import ArtefactStore, Stored, file_facts
from chimera.context import Context
from chimera.errors import InputError, Problem
from chimera.typed import canonical_json
from curriculum_app.core.benchmark_answers import wrong_answer
from curriculum_app.core.benchmarks import Item, save_benchmark
from curriculum_app.core.configs_benchmarks import BenchmarkConfig
from curriculum_app.core.readers.base import Bad, Raw
from curriculum_app.core.readers.choice import files_of, reader_of

_LONGEST_ITEM = 1 << 20  # bytes
_NAMED = 20  # bad items that are named one by one


@dataclass(frozen=True)
class BenchmarkResult:
    """The sealed benchmark."""

    stored: Stored


def run(config: BenchmarkConfig, ctx: Context) -> BenchmarkResult:
    """Register the benchmark.

    Raises:
        InputError: nothing to read, no item, or too many bad ones; each is named with file, line and field.
    """
    ctx.progress(0, unit="items", message=config.path)
    stored = register(config, ctx.store)
    counts = stored.manifest["counts"]
    ctx.progress(counts["items"], counts["items"], unit="items", message="done")
    ctx.log(f"{counts['items']:,} items with {counts['grams']:,} different runs of 13 words")
    return BenchmarkResult(stored)


def register(config: BenchmarkConfig, store: ArtefactStore) -> Stored:
    """What `run` does, for callers without a job."""
    reading = _Reading(config)
    facts: dict[str, Any] = {
        "name": config.name,
        "recipe": {"op": "register-benchmark", "params": {"keys": config.keys, "name": config.name}},
    }
    return save_benchmark(store, reading.items(facts), facts)


class _Reading:
    """One pass over the files: good items out, bad ones kept with their place."""

    def __init__(self, config: BenchmarkConfig) -> None:
        self.config = config
        self.files = files_of(Path(config.path), config.format)
        self.bad: list[Problem] = []
        self.good = 0
        self._ids: dict[str, str] = {}
        self._texts: dict[bytes, str] = {}

    def items(self, facts: dict[str, Any]) -> Iterator[Item]:
        """The good items; when they have all been read, `facts` says from which files and what was left out."""
        for file in self.files:
            for raw in reader_of(file, self.config.format)(file, _LONGEST_ITEM):
                item = self._problem(file, raw.line, raw.reason) if isinstance(raw, Bad) else self._item(file, raw)
                if isinstance(item, Problem):
                    self.bad.append(item)
                    continue
                self.good += 1
                yield item
        self._judge()
        facts["left_out"] = [problem.as_json() for problem in self.bad]
        facts["read_from"] = {file.name: file_facts(file) for file in self.files}

    def _item(self, file: Path, raw: Raw) -> Item | Problem:
        place = f"{file.name}#{raw.line}"
        if reason := _unstorable(raw.values):
            return self._problem(file, raw.line, reason)
        field, wrong = wrong_answer(raw.values)
        if wrong:
            return self._problem(file, raw.line, f"{field} {wrong}", field)
        parts = tuple(text for key in self.config.keys for text in _strings(raw.values.get(key)))
        if not parts:
            have = f"keys in the record: {', '.join(map(str, raw.values)) or 'none'}"
            return self._problem(file, raw.line, f"has no text under {', '.join(self.config.keys)}", "keys", have)
        name = str(raw.values.get(self.config.id_key) or place)
        task = str(raw.values.get(self.config.task_key) or self.config.name)
        same = hashlib.sha256("\n".join([task, *parts]).encode()).digest()
        if name in self._ids:
            return self._problem(file, raw.line, f"id {name!r} occurs before, at {self._ids[name]}", "id_key")
        if same in self._texts:
            return self._problem(file, raw.line, f"repeats the item at {self._texts[same]}")
        self._ids[name] = self._texts[same] = place
        said = {key: str(raw.values.get(key) or getattr(self.config, key)) for key in ("source", "license")}
        return Item(name, task, parts, raw.values, **said)

    def _problem(self, file: Path, line: int, reason: str, field: str = "", hint: str = "") -> Problem:
        return Problem(reason, field, str(file), line, hint)

    def _judge(self) -> None:
        seen = self.good + len(self.bad)
        if not seen:
            raise InputError(Problem("no items in it", "path", self.config.path, hint="is it the right file?"))
        if not self.good or len(self.bad) > self.config.max_bad_fraction * seen:
            message = f"{len(self.bad)} of {seen} items are bad ({len(self.bad) / seen:.1%}; allowed are "
            message += f"{self.config.max_bad_fraction:.1%})"
            hint = "mend the items, or allow that bad ones are left out"
            raise InputError([Problem(message, "max_bad_fraction", self.config.path, hint=hint), *self.bad[:_NAMED]])


def _strings(value: Any) -> Iterator[str]:
    """The texts in a value: a string, or those of a list of strings."""
    if isinstance(value, str) and value.strip():
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)


def _unstorable(values: Mapping[str, Any]) -> str:
    """Why a record cannot be kept as it is; empty if it can."""
    try:
        written = canonical_json(values)
    except (TypeError, ValueError) as error:  # a lone surrogate, NaN, a date of a Parquet file
        return f"cannot be written as JSON: {error}"[:200]
    return "holds a NUL character" if b"\\u0000" in written else ""
