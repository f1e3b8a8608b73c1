"""What a model gave for every item, as Parquet: one row an item, all tasks of an evaluation in one file.

Columns: `task`, `item` (its id in the benchmark), `prompt`, `target` (the right option's or accepted text), `options`,
`loglikelihoods` (nats), `tokens`, `answers` (generated texts), `main` (value of the task's main metric, NaN: none),
`values` and `facts` (JSON objects: every metric, and what the scorer says about the item), `contaminated` (whether the
item stands in the training data; null: not checked).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

ITEMS_FILE = "items.parquet"
_TEXTS, _NUMBERS = pa.list_(pa.string()), pa.list_(pa.float64())
SCHEMA = pa.schema(
    [
        ("task", pa.string()),
        ("item", pa.string()),
        ("prompt", pa.string()),
        ("target", pa.string()),
        ("options", _TEXTS),
        ("loglikelihoods", _NUMBERS),
        ("tokens", pa.list_(pa.int32())),
        ("answers", _TEXTS),
        ("main", pa.float64()),
        ("values", pa.string()),
        ("facts", pa.string()),
        ("contaminated", pa.bool_()),
    ]
)


@dataclass(frozen=True)
class ItemResult:
    """One item of one task."""

    task: str
    item: str
    prompt: str
    target: str
    main: float
    values: dict[str, float | None]
    options: list[str] = field(default_factory=list)
    loglikelihoods: list[float] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    contaminated: bool | None = None

    def as_row(self) -> dict[str, Any]:
        return vars(self) | {"values": json.dumps(self.values), "facts": json.dumps(self.facts)}

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> ItemResult:
        return cls(**row | {"values": json.loads(row["values"]), "facts": json.loads(row["facts"])})


def write_items(path: Path, results: Iterable[ItemResult]) -> None:
    """Write the rows in their order."""
    pq.write_table(pa.Table.from_pylist([result.as_row() for result in results], schema=SCHEMA), path)


def read_items(path: Path, task: str | None = None) -> list[ItemResult]:
    """The rows of one task, or all."""
    filters = None if task is None else [("task", "==", task)]
    return [ItemResult.from_row(row) for row in pq.read_table(path, filters=filters).to_pylist()]
