"""What a reader yields."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from curriculum_app.core.media_types import Blob

EXCERPT_CHARS = 200


@dataclass(frozen=True, slots=True)
class Raw:
    """A record as it stands in the file: `line` counts from 1 (row number for formats without lines).

    `known` are fields of the document that the format itself says (id, url, title, content); a mapping overrides
    them. `file` names the file inside the folder for formats that read a folder as a whole; `media` are the bytes of
    what stands beside the text.
    """

    line: int
    values: dict[str, Any]
    known: Mapping[str, str] = field(default_factory=dict)
    file: str = ""
    media: tuple[Blob, ...] = ()


@dataclass(frozen=True, slots=True)
class Bad:
    """A record that cannot be used. `field` is the target it fails for, empty if the record itself is unreadable."""

    line: int
    reason: str
    excerpt: str = ""
    field: str = ""
    file: str = ""


Reader = Callable[[Path, int], Iterator[Raw | Bad]]


def excerpt(raw: bytes | str) -> str:
    """The first characters of a record, for the quarantine."""
    head = raw[: 4 * EXCERPT_CHARS]
    text = head.decode("utf-8", "replace") if isinstance(head, bytes) else head
    return text.encode("utf-8", "replace").decode()[:EXCERPT_CHARS]


def too_long_field(values: Mapping[str, Any], max_bytes: int) -> str | None:
    """The first field whose string is longer than allowed."""
    return next((key for key, value in values.items() if isinstance(value, str) and len(value) > max_bytes), None)
