"""Text that PostgreSQL can hold: no NUL, no half of a surrogate pair (damaged files and file names have both)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

NUL = "\0"


def storable(value: Any) -> Any:
    """The JSON value with every character that cannot be stored replaced by U+FFFD (NUL) or a question mark."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode().replace(NUL, "\ufffd")
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [storable(item) for item in value]
    return value


def paths_with_nul(value: Any, path: str = "") -> Iterator[str]:
    """Dotted paths of the strings in a JSON value that hold NUL, keys included."""
    if isinstance(value, str):
        if NUL in value:
            yield path
        return
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from paths_with_nul(key, path)
        yield from paths_with_nul(item, f"{path}.{key}".strip("."))
