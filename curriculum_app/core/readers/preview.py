"""The first records of a file or folder: their keys, a guess at the mapping, and what a mapping makes of them."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from chimera.errors import InputError, Problem
from curriculum_app.core.configs import ImportConfig
from curriculum_app.core.documents import Document
from curriculum_app.core.readers.base import Bad, Raw
from curriculum_app.core.readers.choice import READERS, files_of, reader_of
from curriculum_app.core.readers.folder import printable
from curriculum_app.core.readers.mapping import Mapper

RECORDS = 20
_RECORD_BYTES = 1 << 20  # longer records are said to be too long, here only
_SECONDS = 5.0
_JSON_BYTES = 200_000
_CLIPS = (2000, 500, 120, 40)  # characters kept of a string; the first that keeps a sample below _JSON_BYTES
_ITEMS, _KEYS, _DEPTH, _EXAMPLE = 20, 200, 4, 60
_OPAQUE = "\0"


class Opaque:
    """Stands for a value without a JSON form (a date, bytes) in a sample that went through JSON."""

    def __init__(self, kind: str, shown: str) -> None:
        self.kind, self._shown = kind, shown

    def __str__(self) -> str:
        return self._shown


@dataclass(frozen=True)
class Sample:
    """At most 20 records from the beginning. `problem` is what ended the reading early, if anything did."""

    format: str
    records: tuple[Raw | Bad, ...]
    problem: Problem | None = None

    def to_text(self) -> str:
        """The sample as ASCII JSON of about 200 kB at most: long strings are cut, then fewer records are kept."""
        text = ""
        for clip in _CLIPS:
            text = json.dumps(self._as_json(clip))
            if len(text) <= _JSON_BYTES:
                return text
        fewer = self.records[: len(self.records) // 2]
        return replace(self, records=fewer).to_text() if fewer else text

    def _as_json(self, clip: int) -> dict[str, Any]:
        records = [{"ok": isinstance(item, Raw)} | _packed(_fields(item), clip, -1) for item in self.records]
        problem = self.problem.as_json() if self.problem else None
        return {"format": self.format, "records": records, "problem": problem}

    @classmethod
    def from_text(cls, text: str) -> Self:
        found = json.loads(text, object_hook=_unpacked)
        records = tuple(
            Raw(**_without_ok(item)) if item["ok"] else Bad(**_without_ok(item)) for item in found["records"]
        )
        problem = found["problem"]
        return cls(found["format"], records, Problem(**problem) if problem else None)


@dataclass(frozen=True)
class Key:
    """A key of the records, `a.b` for one inside an object: in which share of them it holds something, and what."""

    name: str
    types: tuple[str, ...]
    share: float
    examples: tuple[str, ...]
    mean_chars: float
    distinct: bool


@dataclass(frozen=True)
class Outcomes:
    """What a mapping makes of a sample: one result per record; `unmatched` targets found nothing in any of them."""

    results: list[tuple[Raw | Bad, Document | Bad]]
    unmatched: list[str] = field(default_factory=list)

    @property
    def documents(self) -> int:
        return sum(isinstance(result, Document) for _, result in self.results)


def sample_of(path: Path, kind: str) -> Sample:
    """The first records, in bounded time: at most 20, none above 1 MiB, five seconds between first and last.

    Raises:
        InputError: nothing can be read at all.
    """
    files = files_of(path, kind)
    format_name = _format_name(files[0], kind)
    records: list[Raw | Bad] = []
    problem: Problem | None = None
    try:
        for record in _records(files, kind):
            records.append(record)
            if len(records) == RECORDS:
                break
    except InputError as error:
        if not records:
            raise
        problem = error.problems[0]
    if not records:
        raise InputError(Problem("no records in it", "path", str(path), hint="is it the right file?"))
    return Sample(format_name, tuple(records), problem)


def _records(files: list[Path], kind: str) -> Iterator[Raw | Bad]:
    end = time.monotonic() + _SECONDS
    for file in files:
        for record in reader_of(file, kind)(file, _RECORD_BYTES):
            name = record.file or printable(file.name)
            yield (
                Raw(record.line, record.values, record.known, name)
                if isinstance(record, Raw)
                else Bad(record.line, record.reason, record.excerpt, record.field, name)
            )
            if time.monotonic() > end:
                return


def _format_name(file: Path, kind: str) -> str:
    reader = reader_of(file, kind)
    return next((name for name, known in READERS.items() if known is reader), kind)


def keys_of(sample: Sample) -> list[Key]:
    """The keys of the records in the order in which they occur, at most 200."""
    raws = [item for item in sample.records if isinstance(item, Raw)]
    found: dict[str, list[Any]] = {}
    for raw in raws:
        for name, value in _flat(raw.values):
            if name in found or (len(found) < _KEYS and name == without_surrogates(name)):
                found.setdefault(name, []).append(value)
    return [_key(name, values, len(raws)) for name, values in found.items()]


def outcomes(sample: Sample, config: ImportConfig) -> Outcomes:
    """What importing the sample with this config would give, record by record."""
    mapper, ids = Mapper(config), Counter[str]()
    results: list[tuple[Raw | Bad, Document | Bad]] = []
    for item in sample.records:
        result = item if isinstance(item, Bad) else mapper.document(item, f"{item.file}#{item.line}")
        if isinstance(result, Document):
            ids[result.id] += 1
            if ids[result.id] > 1:
                result = Bad(item.line, "its id occurs before", repr(result.id), "id", item.file)
        results.append((item, result))
    return Outcomes(results, mapper.unmatched())


def _key(name: str, values: list[Any], records: int) -> Key:
    there = [value for value in values if value is not None and value != ""]
    shown = [_shown(value) for value in there]
    return Key(
        name=name,
        types=tuple(dict.fromkeys(kind_of(value) for value in there)),
        share=len(there) / records,
        examples=tuple(dict.fromkeys(without_surrogates(text[:_EXAMPLE]) for text in shown))[:3],
        mean_chars=sum(map(len, shown)) / max(len(shown), 1),
        distinct=len(set(shown)) == records,
    )


def without_surrogates(text: str) -> str:
    """The text with a question mark for each half of a surrogate pair, which no page can hold."""
    return text.encode("utf-8", "replace").decode()


def kind_of(value: Any) -> str:
    """A JSON value's type in one word."""
    names = {str: "text", bool: "yes/no", int: "number", float: "number", list: "list", dict: "object"}
    return names.get(type(value), value.kind if isinstance(value, Opaque) else type(value).__name__)


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _flat(values: Mapping[str, Any], prefix: str = "", depth: int = 1) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value and depth < _DEPTH:
            yield from _flat(value, f"{prefix}{key}.", depth + 1)
        else:
            yield f"{prefix}{key}", value


def _fields(item: Raw | Bad) -> dict[str, Any]:
    if isinstance(item, Bad):
        return asdict(item)
    return {"line": item.line, "values": item.values, "known": dict(item.known), "file": item.file}


def _without_ok(item: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name != "ok"}


def _packed(value: Any, clip: int, depth: int = 0) -> Any:
    if isinstance(value, str):
        return value if len(value) <= clip else value[:clip] + "…"
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping) and depth < 2 * _DEPTH:
        return {str(key)[:clip]: _packed(item, clip, depth + 1) for key, item in list(value.items())[:_KEYS]}
    if isinstance(value, list | tuple) and depth < 2 * _DEPTH:
        return [_packed(item, clip, depth + 1) for item in value[:_ITEMS]]
    return {_OPAQUE: [type(value).__name__, str(value)[:_EXAMPLE]]}


def _unpacked(value: dict[str, Any]) -> Any:
    return Opaque(*value[_OPAQUE]) if value.keys() == {_OPAQUE} else value
