"""What the page of a preview shows: the records, what the mapping makes of them, the keys and their use."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from curriculum_app.core.configs import ImportConfig
from curriculum_app.core.configs_mapping import Rule, keys_of
from curriculum_app.core.documents import FIELDS, Document
from curriculum_app.core.readers.base import Bad, Raw
from curriculum_app.core.readers.mapping import MISSING, look_up
from curriculum_app.core.readers.preview import Key, Sample, outcomes, without_surrogates

CELL = 140  # characters
COLUMNS = 12
_FIRST = ("id", "text")


@dataclass(frozen=True)
class Line:
    """One record: its place, the document's cells or the reason why there is none, and its own cells."""

    place: str
    cells: list[str]
    reason: str
    raw: list[str]


@dataclass(frozen=True)
class UsedKey:
    """A key and the fields that take something from it, none if it is left out."""

    key: Key
    targets: list[str]


@dataclass(frozen=True)
class PreviewTable:
    """The records of a sample beside the documents that a mapping gives."""

    columns: list[str]
    raw_columns: list[str]
    more_columns: int
    lines: list[Line]
    documents: int
    quarantined: int
    unmatched: list[str]


def table(sample: Sample, keys: list[Key], config: ImportConfig) -> PreviewTable:
    """What the page draws for this config."""
    found = outcomes(sample, config)
    documents = [result for _, result in found.results if isinstance(result, Document)]
    columns = _columns(config, documents)
    raw_columns = [key.name for key in keys[:COLUMNS]]
    several = len({item.file for item, _ in found.results}) > 1
    lines = [_line(item, result, columns, raw_columns, several) for item, result in found.results]
    return PreviewTable(
        columns=columns,
        raw_columns=raw_columns,
        more_columns=max(len(keys) - COLUMNS, 0),
        lines=lines,
        documents=found.documents,
        quarantined=len(lines) - found.documents,
        unmatched=found.unmatched,
    )


def used_keys(keys: list[Key], mapping: Mapping[str, Rule]) -> list[UsedKey]:
    """Every key with the fields it goes into."""
    by_target = {target: _named(rule) for target, rule in mapping.items()}
    return [UsedKey(key, [target for target, names in by_target.items() if key.name in names]) for key in keys]


def _named(rule: Rule) -> list[str]:
    if isinstance(rule, str):
        return [rule]
    return [rule.key] if rule.key else keys_of(rule.template or "")


def _columns(config: ImportConfig, documents: list[Document]) -> list[str]:
    """Id and text, what is mapped, and what the format says by itself."""
    mapped = [target for target in config.mapping if target not in _FIRST]
    known = [name for name in ("title", "url") if any(getattr(document, name) for document in documents)]
    return [*_FIRST, *dict.fromkeys([*mapped, *known])]


def _line(item: Raw | Bad, result: Document | Bad, columns: list[str], raw_columns: list[str], several: bool) -> Line:
    place = f"{item.file}#{item.line}" if several else str(item.line)
    cells = [_cell(_value(result, column)) for column in columns] if isinstance(result, Document) else []
    reason = f"{result.reason} {result.excerpt}"[:CELL] if isinstance(result, Bad) and result is item else ""
    reason = result.reason if isinstance(result, Bad) and not reason else reason
    values = item.values if isinstance(item, Raw) else {}
    return Line(place, cells, reason, [_cell(look_up(values, column)) for column in raw_columns])


def _value(document: Document, column: str) -> Any:
    return getattr(document, column) if column in FIELDS else document.meta.get(column, MISSING)


def _cell(value: Any) -> str:
    if value is MISSING:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = " ".join(without_surrogates(text[: 2 * CELL]).split())
    return text if len(text) <= CELL else f"{text[:CELL]}…"
