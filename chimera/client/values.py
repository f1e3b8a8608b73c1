"""What is logged as the server takes it: flat keys, floats, and words for the numbers that JSON lacks."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

MAX_KEY_LENGTH = 200
_FORBIDDEN = re.compile(r"[^\w ./:@%+=,()#&-]")


def key_of(name: object) -> str:
    """A name with what no key may hold replaced by an underscore."""
    key = _FORBIDDEN.sub("_", str(name))[:MAX_KEY_LENGTH]
    return key if re.match(r"\w", key) else f"_{key}"[:MAX_KEY_LENGTH]


def numbers(values: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, float | str | None]]:
    """Key and value; nested mappings with a slash between the names, None for what is no number."""
    for name, value in values.items():
        key = key_of(f"{prefix}{name}")
        if isinstance(value, Mapping):
            yield from numbers(value, f"{key}/")
        else:
            yield key, _number(value)


def _number(value: Any) -> float | str | None:
    """A tensor of one element is a number too; text is none, even if it spells one."""
    if isinstance(value, str | bytes):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        return None
    if math.isfinite(number):
        return number
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"


def plain(value: Any, depth: int = 0) -> Any:
    """A config as JSON: what is neither a number, a text nor a container of such becomes its text."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if depth < 8 and isinstance(value, Mapping):
        return {str(name): plain(item, depth + 1) for name, item in value.items()}
    if depth < 8 and isinstance(value, list | tuple | set | frozenset):
        return [plain(item, depth + 1) for item in value]
    return str(value)[:1000]


def bounded(config: Mapping[str, Any] | None, max_bytes: int = 250_000) -> dict[str, Any]:
    """`plain`, with the longest settings left out until the rest is small enough; their names stay."""
    said: dict[str, Any] = {str(name).replace("\0", ""): plain(value) for name, value in (config or {}).items()}
    said = json.loads(json.dumps(said).replace("\\u0000", ""))
    sizes = {name: len(json.dumps(value)) for name, value in said.items()}
    while sum(sizes.values()) > max_bytes:
        name = max(sizes, key=lambda item: sizes[item])
        said[name], sizes[name] = f"left out: {sizes[name]:,} bytes", 0
    return said
