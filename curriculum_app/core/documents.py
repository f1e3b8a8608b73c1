"""`Document`: the record that flows through import and curation, and its canonical form for hashing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from chimera.typed import canonical_json

Content = Literal["text", "html", "code"]
MediaType = Literal["image", "audio", "video"]
Modality = Literal["text", "code", "image_text", "audio_text", "video_text", "interleaved"]


@dataclass(frozen=True, slots=True)
class Media:
    """An image, sound or film that belongs to a document.

    `offset` is its position in the text, in characters, None where it stands beside the text as a whole. `sha256`
    names its bytes in the version's media store, empty where only an address is known.
    """

    type: MediaType
    sha256: str = ""
    url: str = ""
    alt: str = ""
    mime: str = ""
    num_bytes: int = 0
    offset: int | None = None

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _MEDIA_FIELDS}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Media:
        return cls(**{name: value[name] for name in _MEDIA_FIELDS if name in value})


_MEDIA_FIELDS = tuple(item.name for item in fields(Media))


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
    media: tuple[Media, ...] = ()

    @property
    def num_bytes(self) -> int:
        """Length of the text in UTF-8 bytes."""
        return len(self.text.encode())

    @property
    def modality(self) -> Modality:
        """What kinds of content stand together: media inside the text is `interleaved`, beside it a pair."""
        if any(item.offset is not None for item in self.media):
            return "interleaved"
        if self.media:
            pairs: dict[MediaType, Modality] = {"image": "image_text", "audio": "audio_text", "video": "video_text"}
            return pairs[self.media[0].type]
        return "code" if self.content == "code" else "text"

    @property
    def media_beside(self) -> tuple[Media, ...]:
        """Media that belong to the text as a whole."""
        return tuple(item for item in self.media if item.offset is None)

    @property
    def pieces(self) -> list[tuple[str, Media | None]]:
        """The text cut at the media in it: each stretch with what stands after it, the last one with None."""
        pieces: list[tuple[str, Media | None]] = []
        start = 0
        for offset, _, item in sorted((m.offset, n, m) for n, m in enumerate(self.media) if m.offset is not None):
            pieces.append((self.text[start:offset], item))
            start = offset
        return [*pieces, (self.text[start:], None)]

    def canonical(self) -> bytes:
        """The canonical JSON line (without newline) that is hashed into the id of a dataset version.

        A document without media has the line it had before documents could have any.
        """
        values = {name: getattr(self, name) for name in FIELDS if name != "media"}
        if self.media:
            values["media"] = [item.as_json() for item in self.media]
        return canonical_json(values)

    def as_row(self) -> dict[str, Any]:
        """The row of a Parquet shard: every field as it is, `meta` and `media` as JSON strings."""
        row = {name: getattr(self, name) for name in FIELDS}
        row["meta"] = canonical_json(self.meta).decode()
        row["media"] = canonical_json([item.as_json() for item in self.media]).decode() if self.media else ""
        return row

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Document:
        """The inverse of `as_row`; columns that are not fields of a document are ignored.

        Shards written before documents could have media lack that column.
        """
        values = {name: row[name] for name in FIELDS if name != "media"}
        values["meta"] = json.loads(values["meta"])
        values["media"] = tuple(map(Media.from_json, json.loads(row.get("media") or "[]")))
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
