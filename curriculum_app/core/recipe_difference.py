"""Which settings of two recipes differ, stage by stage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_STAGE = " · "  # between a domain and its filter


@dataclass(frozen=True)
class SettingDifference:
    """One setting; None where that recipe does not have it. `where` is the stage, with its domain."""

    where: str
    setting: str
    before: str | None
    after: str | None


def recipe_difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[SettingDifference]:
    """What differs between the `recipe` entries of two manifests, in the order of the first, then of the second.

    A filter is known by its domain and name (the second of a name in one domain by its number too), so that one that
    was added in front of others does not make them all look changed. Of a filter that only one recipe has, the list
    of stages tells; its settings are left out.
    """
    left, right = dict(_settings(before)), dict(_settings(after))
    in_both = {where for where, _ in left} & {where for where, _ in right}
    keys = [*left, *(key for key in right if key not in left)]
    return [
        SettingDifference(where, setting, left.get((where, setting)), right.get((where, setting)))
        for where, setting in keys
        if left.get((where, setting)) != right.get((where, setting)) and (where in in_both or _STAGE not in where)
    ]


def _settings(recipe: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], str]]:
    yield ("operation", "op"), str(recipe.get("op", "unknown"))
    for name, value in (recipe.get("params") or {}).items():
        if name == "recipes" and isinstance(value, Mapping):
            for domain, filters in value.items():
                yield from _filters("every other domain" if domain == "*" else str(domain), filters)
        elif _is_filters(value):
            yield from _filters(name.replace("_", " "), value)
        elif isinstance(value, Mapping):
            yield from ((((name.replace("_", " ")), key), text) for key, text in _flat(value))
        else:
            yield ("settings", name), _text(value)


def _filters(where: str, filters: list[Any]) -> Iterator[tuple[tuple[str, str], str]]:
    """`keeps its place` of every filter, and its settings."""
    seen: dict[str, int] = {}
    yield (where, "stages"), " → ".join(str(item.get("key")) for item in filters) or "none"
    for item in filters:
        key = str(item.get("key"))
        seen[key] = seen.get(key, 0) + 1
        stage = key if seen[key] == 1 else f"{key} ({seen[key]})"
        yield from (((f"{where}{_STAGE}{stage}", name), text) for name, text in _flat(item.get("config") or {}))


def _is_filters(value: Any) -> bool:
    return (
        isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) and "key" in item for item in value)
    )


def _flat(value: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    for name, item in value.items():
        if isinstance(item, Mapping) and item:
            yield from _flat(item, f"{path}{name}.")
        else:
            yield f"{path}{name}", _text(item)


def _text(value: Any) -> str:
    if value is None:
        return "off"
    if isinstance(value, list):
        shown = ", ".join(map(_text, value[:8]))
        return f"{shown} … ({len(value)})" if len(value) > 8 else shown or "none"
    return str(value)
