"""`Document`: the record that flows through import and curation, and its canonical form for hashing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from chimera.typed import canonical_json

Content = Literal["text", "html", "code"]


@dataclass(frozen=True, slots=True)
class Document:
    """One text with where it comes from. `content` says what `text` holds: plain text, raw HTML or source code."""

    id: str
    text: str
    domain: str
    source: str = ""
    license: str = ""
    url: str = ""
    title: str = ""
    content: Content = "text"
    meta: Mapping[str, Any] = field(default_factory=dict)

    @property
    def num_bytes(self) -> int:
        """Length of the text in UTF-8 bytes."""
        return len(self.text.encode())

    def canonical(self) -> bytes:
        """The canonical JSON line (without newline) that is hashed into the id of a dataset version."""
        return canonical_json({name: getattr(self, name) for name in FIELDS})

    def as_row(self) -> dict[str, Any]:
        """The row of a Parquet shard: every field as it is, `meta` as a JSON string."""
        row = {name: getattr(self, name) for name in FIELDS}
        row["meta"] = canonical_json(self.meta).decode()
        return row

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Document:
        """The inverse of `as_row`; columns that are not fields of a document are ignored."""
        values = {name: row[name] for name in FIELDS}
        values["meta"] = json.loads(values["meta"])
        return cls(**values)


FIELDS = tuple(item.name for item in fields(Document))


class RecordHash:
    """sha256 over the recipe and then every record in order: the id of a dataset version.

    It sees canonical JSON lines only, so file encoding, row-group size and compression never change it.
    """

    def __init__(self, recipe: Mapping[str, Any]) -> None:
        self._sha = hashlib.sha256(canonical_json(recipe) + b"\n")

    def add(self, document: Document) -> None:
        self._sha.update(document.canonical() + b"\n")

    def hexdigest(self) -> str:
        return self._sha.hexdigest()
