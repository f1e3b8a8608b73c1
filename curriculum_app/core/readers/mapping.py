"""Raw records to documents by a mapping, with a reason for every record that does not fit."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from curriculum_app.core.configs import ImportConfig
from curriculum_app.core.configs_mapping import (
    MappedValue,
    NotCastable,
    Rule,
    cast_value,
    described,
    keys_of,
    parts_of,
)
from curriculum_app.core.conversations import is_messages, shown
from curriculum_app.core.documents import FIELDS, Document
from curriculum_app.core.readers.base import Bad, Raw, excerpt

_KEYS_REMEMBERED = 50
_ESCAPED_NUL = rb"\u0000"  # in canonical JSON; a text may also say these six characters
MISSING = object()


def look_up(values: Mapping[str, Any], key: str) -> Any:
    """`values["a"]["b"]` for the key `a.b`; a key that itself contains dots wins. `MISSING` if absent or null."""
    if values.get(key) is not None:
        return values[key]
    found: Any = values
    for part in key.split("."):
        if not isinstance(found, Mapping) or found.get(part) is None:
            return MISSING
        found = found[part]
    return found


def value_of(values: Mapping[str, Any], rule: Rule) -> Any:
    """What the rule makes of a record; `MISSING` if the record has nothing for it.

    Raises:
        NotCastable: there is a value, but not one that the rule can use.
    """
    if isinstance(rule, str):
        return look_up(values, rule)
    found: Any = rule.const
    if rule.key:
        found = look_up(values, rule.key)
    elif rule.template:
        found = _filled(values, rule.template)
    if found is MISSING:
        found = MISSING if rule.default is None else rule.default
    return found if found is MISSING else cast_value(found, rule.cast)


def _filled(values: Mapping[str, Any], template: str) -> Any:
    """The template with the record's values; what the record lacks is left out, with the blanks around the whole.

    A list of messages is shown turn by turn.
    """
    found = {key: look_up(values, key) for key in keys_of(template)}
    if all(value is MISSING for value in found.values()):
        return MISSING
    found = {key: shown(value) if is_messages(value) else value for key, value in found.items()}
    for key, value in found.items():
        if value is not MISSING and not isinstance(value, str | int | float):
            raise NotCastable(f"needs text, but {key} is a {_kind(value)}")
    pieces = [found[part] if is_key else part for part, is_key in parts_of(template)]
    return "".join(str(piece) for piece in pieces if piece is not MISSING).strip()


class Mapper:
    """Applies the mapping of one import and remembers which targets ever matched and which keys it saw."""

    def __init__(self, config: ImportConfig) -> None:
        self._config = config
        said = ("domain", "source", "license", "content")
        self._defaults = {name: getattr(config, name) for name in said}
        self.matched: set[str] = set()
        self.keys: Counter[str] = Counter()

    def document(self, raw: Raw, fallback_id: str) -> Document | Bad:
        """The document of a record, or why there is none. Optional targets a record lacks take the value that
        its format knows, else the config's."""
        self._remember(raw.values)
        fields: dict[str, Any] = {"id": fallback_id, **self._defaults, **raw.known}
        meta: dict[str, Any] = {}
        for target, rule in self._config.mapping.items():
            try:
                value = value_of(raw.values, rule)
            except NotCastable as error:
                return Bad(raw.line, f"{target} {error}", _show(raw.values), target)
            if value is MISSING:
                continue
            self.matched.add(target)
            if target not in FIELDS:
                meta[target] = value
            elif target == "text" or isinstance(value, str):
                fields[target] = value
            elif isinstance(value, int | float) and not isinstance(value, bool):
                fields[target] = str(value)
            else:
                return Bad(raw.line, f"{target} is a {_kind(value)}, not a string", _show(raw.values), target)
        problem = self._problem_with_text(fields.get("text", MISSING))
        if problem:
            return Bad(raw.line, problem, _show(raw.values), "text")
        return self._checked(Document(meta=meta, **fields), raw)

    def unmatched(self) -> list[str]:
        """Targets for which no record had anything, though they need something of it."""
        rules = self._config.mapping.items()
        needed = [name for name, rule in rules if not (isinstance(rule, MappedValue) and rule.always)]
        return [target for target in needed if target not in self.matched]

    def _problem_with_text(self, text: Any) -> str:
        if text is MISSING:
            return f"no {described(self._config.mapping['text'])}"
        if not isinstance(text, str):
            return f"text is a {_kind(text)}, not a string"
        return "" if text.strip() else "text is empty"

    def _checked(self, document: Document, raw: Raw) -> Document | Bad:
        """JSON may smuggle in half a surrogate pair, NaN or dates (Parquet), which have no canonical form, and NUL,
        which PostgreSQL cannot store: names of domains, sources and licences stand in manifests, texts in labels."""
        try:
            line = document.canonical()
        except UnicodeEncodeError:
            name = _field_where(document, _is_no_unicode)
            return Bad(raw.line, f"{name} is not valid Unicode (lone surrogate)", _show(raw.values), name)
        except (TypeError, ValueError) as error:
            return Bad(raw.line, f"a meta value has no JSON form: {error}", _show(raw.values), "meta")
        name = _field_where(document, _has_nul) if _ESCAPED_NUL in line else ""
        return Bad(raw.line, f"{name} holds a NUL character", _show(raw.values), name) if name else document

    def _remember(self, values: Mapping[str, Any]) -> None:
        for key in values:
            if key in self.keys or len(self.keys) < _KEYS_REMEMBERED:
                self.keys[str(key)] += 1


def _field_where(document: Document, holds: Callable[[str], bool]) -> str:
    """The first field, or key of `meta`, in which some string `holds`; empty if there is none."""
    fields = {name: getattr(document, name) for name in FIELDS if name not in ("meta", "media")}
    places = [*fields.items(), *document.meta.items()]
    return next((name for name, value in places if any(map(holds, _strings(value)))), "")


def _strings(value: Any) -> Iterator[str]:
    """Every string in a JSON value, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from map(str, value)
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)


def _has_nul(text: str) -> bool:
    return "\0" in text


def _is_no_unicode(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _kind(value: Any) -> str:
    names = {bool: "boolean", int: "number", float: "number", dict: "object", list: "list"}
    return names.get(type(value), type(value).__name__)


def _show(values: Mapping[str, Any]) -> str:
    return excerpt(json.dumps(values, ensure_ascii=False, default=str))
