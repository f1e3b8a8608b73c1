"""The mapping editor: one row per field of a document, as it stands in a form and in a config."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from chimera.errors import InputError, Problem
from curriculum_app.core.configs_mapping import Cast
from curriculum_app.core.readers.preview import Key

CONST, TEMPLATE, KEY = "const", "template", "key:"
TARGETS = {
    "text": "Text",
    "id": "Id",
    "title": "Title",
    "url": "URL",
    "source": "Source",
    "license": "Licence",
    "domain": "Domain",
    "language": "Language",
    "date": "Date",
}
CASTS = {
    "none": "as it is", "str": "text", "int": "whole number", "float": "number", "bool": "yes or no",
    "join_lines": "list → lines", "join_commas": "list → commas",
}  # fmt: skip
SPARE, MOST = 2, 60
assert tuple(CASTS) == get_args(Cast)


@dataclass
class Row:
    """One field: `origin` is "", `key:<name>`, "const" or "template"; `value` is the fixed value or the template."""

    target: str = ""
    origin: str = ""
    value: str = ""
    cast: str = "none"
    default: str = ""

    @property
    def label(self) -> str:
        """What a field of ours is called; empty for a row whose name the user types."""
        return TARGETS.get(self.target, "")

    @property
    def rule(self) -> Any:
        """The JSON value of the mapping, None if nothing is chosen."""
        if not self.origin or not self.target:
            return None
        name = "from" if self.origin.startswith(KEY) else self.origin
        said = {name: self.origin.removeprefix(KEY) if name == "from" else self.value}
        said |= {"cast": self.cast} if self.cast != "none" else {}
        said |= {"default": self.default} if self.default else {}
        return said["from"] if said.keys() == {"from"} else said


def rows_from(mapping: Mapping[str, Any]) -> list[Row]:
    """The rows of a mapping: our fields first, then what goes to meta, then empty ones."""
    extra = [target for target in mapping if target not in TARGETS]
    filled = [_row(target, mapping.get(target)) for target in [*TARGETS, *extra]]
    return with_spare(filled)


def rows_posted(data: Mapping[str, str]) -> list[Row]:
    """The rows as a browser sent them."""
    return [_row_posted(data, number) for number in range(MOST + SPARE) if f"target-{number}" in data]


def with_spare(rows: list[Row]) -> list[Row]:
    """With empty rows at the end for more fields."""
    used = [row for row in rows if row.target or row.origin]
    return used + [Row() for _ in range(min(SPARE, MOST - len(used)))]


def mapping_of(rows: list[Row]) -> dict[str, Any]:
    """The mapping that the rows say.

    Raises:
        InputError: a field is named twice, or a row says what but not for which field.
    """
    problems = []
    found: dict[str, Any] = {}
    for row in rows:
        if row.origin and not row.target:
            problems.append(Problem("a row has no field: name it or clear the row", "mapping"))
        if row.rule is not None and row.target in found:
            problems.append(Problem("the field is named twice", f"mapping.{row.target}"))
        if row.rule is not None:
            found[row.target] = row.rule
    if problems:
        raise InputError(problems)
    return found


def choices(keys: list[Key], rows: list[Row]) -> list[tuple[str, str]]:
    """What a row can take its value from: the keys found, and those that a saved mapping names beside them."""
    names = [key.name for key in keys]
    chosen = [row.origin.removeprefix(KEY) for row in rows if row.origin.startswith(KEY)]
    absent = dict.fromkeys(name for name in chosen if name not in names)
    found = [(KEY + name, name) for name in names] + [(KEY + name, f"{name} (not seen)") for name in absent]
    return [("", "–"), *found, (CONST, "fixed value …"), (TEMPLATE, "template …")]


def _row(target: str, rule: Any) -> Row:
    if rule is None:
        return Row(target)
    if isinstance(rule, str):
        return Row(target, KEY + rule)
    origin = KEY + rule["from"] if "from" in rule else TEMPLATE if "template" in rule else CONST
    value = rule.get("template") or rule.get("const") or ""
    return Row(target, origin, value, rule.get("cast", "none"), rule.get("default", ""))


def _row_posted(data: Mapping[str, str], number: int) -> Row:
    def said(name: str, otherwise: str = "") -> str:
        return data.get(f"{name}-{number}", otherwise)

    value = said("value").replace("\r\n", "\n")
    return Row(said("target").strip(), said("origin"), value, said("cast", "none"), said("default"))
