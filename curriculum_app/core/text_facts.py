"""What a dataset version's text is like at a glance, counted while it is written: lengths, sources, languages."""

from __future__ import annotations

from collections import Counter
from typing import Any

from curriculum_app.core.documents import Document

_SHOWN = 10
_DISTINCT = 2000  # names that are counted apart, so that memory stays flat with one source per record
_NAME_CHARS = 80


class TextFacts:
    """Counts documents by length (powers of two of characters), by source and by the language in their meta."""

    def __init__(self) -> None:
        self._characters = 0
        self._lengths: Counter[int] = Counter()
        self._sources, self._languages = _Names(), _Names()

    def add(self, document: Document) -> None:
        self._characters += len(document.text)
        self._lengths[max(len(document.text).bit_length() - 1, 0)] += 1
        self._sources.add(document.source)
        language = document.meta.get("language")
        self._languages.add(language if isinstance(language, str) else "")

    def as_json(self) -> dict[str, Any]:
        """`lengths`: `[k, documents]` with 2^k ... 2^(k+1) − 1 characters. `sources`, `languages`: the most frequent
        names with their documents ("" where none is named) and `more`, the documents of all other names."""
        return {
            "characters": self._characters,
            "lengths": [list(item) for item in sorted(self._lengths.items())],
            "sources": self._sources.as_json(),
            "languages": self._languages.as_json(),
        }


class _Names:
    """Documents by name; the first 2000 different names are told apart, later ones are counted together."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._late = 0

    def add(self, name: str) -> None:
        name = name[:_NAME_CHARS].replace("\0", "\ufffd")  # PostgreSQL, where manifests lie, stores no NUL
        if name in self._counts or len(self._counts) < _DISTINCT:
            self._counts[name] += 1
        else:
            self._late += 1

    def as_json(self) -> dict[str, Any]:
        ordered = sorted(self._counts.items(), key=lambda item: (-item[1], item[0]))
        more = sum(count for _, count in ordered[_SHOWN:]) + self._late
        return {"names": [list(item) for item in ordered[:_SHOWN]], "more": more}
