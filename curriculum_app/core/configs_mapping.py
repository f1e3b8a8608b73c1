"""How one field of a document is made of a record: by a key, a fixed value or a template, with cast and default."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import ConfigDict, Field, ValidationError, model_serializer, model_validator

from chimera.errors import NestedProblems, Problem, problems_of
from chimera.typed import Config

Cast = Literal["none", "str", "int", "float", "bool", "join_lines", "join_commas"]
UNMAPPABLE = ("content", "meta", "media")
_PART = re.compile(r"\{\{|\}\}|\{([^{}]+)\}|[{}]")
_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0")
_BETWEEN = {"join_lines": "\n", "join_commas": ", "}


class NotCastable(ValueError):
    """A value that a cast cannot make anything of."""


class MappedValue(Config):
    """Where the value of a field comes from: exactly one of `from`, `const` and `template`."""

    model_config = ConfigDict(validate_by_alias=True, validate_by_name=False)

    key: str | None = Field(None, alias="from", title="Key", description="a.b.c reaches into objects.")
    const: str | None = Field(None, title="Fixed value", description="The same for every record.")
    template: str | None = Field(
        None,
        title="Template",
        description="{title} and {body.text} stand for values of the record; {{ is a brace.",
        json_schema_extra={"multiline": True},
    )
    cast: Cast = Field("none", title="Make it", description="Joins put the strings of a list on lines or after commas.")
    default: str | None = Field(None, title="If missing")

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        said = [name for name, value in self._origins().items() if value not in (None, "")]
        if len(said) != 1:
            raise ValueError("must say exactly one of from, const and template")
        if self.const and self.default:
            raise ValueError("a fixed value needs no default")
        if self.template and not keys_of(self.template):
            raise ValueError("the template names no key, such as {title}; for a fixed text use const")
        for value in (self.const, self.default):
            if value:
                cast_value(value, self.cast)
        return self

    def _origins(self) -> dict[str, str | None]:
        return {"from": self.key, "const": self.const, "template": self.template}

    @model_serializer
    def _said(self) -> dict[str, str]:
        """Only what was said, so that a setting added later does not change the ids of old versions."""
        said = {name: value for name, value in self._origins().items() if value}
        said |= {"cast": self.cast} if self.cast != "none" else {}
        return said | ({"default": self.default} if self.default else {})

    @property
    def always(self) -> bool:
        """Whether every record gets a value, whatever its keys are."""
        return bool(self.const or self.default)


Rule = str | MappedValue


def rule_of(value: Any) -> Rule:
    """A key, or the object that says more; one that says no more than a key becomes that key.

    Raises:
        ValidationError: the object is wrong.
        ValueError: it is neither a string nor an object.
    """
    if isinstance(value, str):
        return value
    if not isinstance(value, Mapping | MappedValue):
        raise ValueError("must be a key, or an object with from, const or template")
    rule = value if isinstance(value, MappedValue) else MappedValue.model_validate(value)
    plain = rule.key and rule.cast == "none" and not rule.default
    return rule.key if plain and rule.key else rule


def rules_of(mapping: Mapping[str, Any]) -> dict[str, Rule]:
    """The rules of a mapping.

    Raises:
        NestedProblems: some are wrong; each problem names the target.
    """
    found: dict[str, Rule] = {}
    problems: list[Problem] = []
    for target, value in mapping.items():
        try:
            found[target] = rule_of(value)
        except ValidationError as error:
            problems += problems_of(error, prefix=str(target))
        except ValueError as error:
            problems.append(Problem(str(error), str(target)))
    if problems:
        raise NestedProblems(problems)
    return found


def check_targets(mapping: Mapping[str, Rule]) -> None:
    """Raise ValueError for a mapping that can give no document."""
    if not mapping.get("text"):
        raise ValueError("must say which key holds the text, for example text: body")
    empty = [target for target, rule in mapping.items() if not target or not rule]
    if empty:
        raise ValueError(f"has an empty name or key for {', '.join(map(repr, empty))}")
    for target in UNMAPPABLE:
        if target in mapping:
            raise ValueError(f"cannot map {target!r}")


def described(rule: Rule) -> str:
    """The rule in a few words, for messages: `key 'body'`, `template of title and body`."""
    if isinstance(rule, str) or rule.key:
        return f"key {rule if isinstance(rule, str) else rule.key!r}"
    return f"key {' or '.join(map(repr, keys_of(rule.template)))}" if rule.template else "fixed value"


def keys_of(template: str) -> list[str]:
    """The keys that a template names, in order.

    Raises:
        ValueError: a brace stands alone.
    """
    return [part for part, is_key in parts_of(template) if is_key]


def parts_of(template: str) -> list[tuple[str, bool]]:
    """`(text, False)` and `(key, True)` in order.

    Raises:
        ValueError: a brace stands alone.
    """
    parts: list[tuple[str, bool]] = []
    end = 0
    for match in _PART.finditer(template):
        if match[0] in "{}":
            raise ValueError(f"a single {match[0]} at character {match.start() + 1} of the template: write it twice")
        before = template[end : match.start()] + ("" if match[1] else match[0][0])
        parts += [(before, False)] if before else []
        parts += [(match[1], True)] if match[1] else []
        end = match.end()
    return [*parts, (template[end:], False)] if end < len(template) else parts


def cast_value(value: Any, cast: Cast) -> Any:
    """The value as the cast makes it.

    Raises:
        NotCastable: it cannot; the message does not hold the value.
    """
    try:
        return _CASTS[cast](value) if cast in _CASTS else _joined(value, _BETWEEN[cast]) if cast != "none" else value
    except (TypeError, ValueError, OverflowError) as error:
        raise NotCastable(f"is no {cast}" if cast in _CASTS else "is no list of strings") from error


def _string(value: Any) -> str:
    if isinstance(value, Mapping | list | tuple):
        raise TypeError
    return str(value)


def _integer(value: Any) -> int:
    if isinstance(value, float) and not value.is_integer():
        raise ValueError
    return int(value)


def _number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError
    return number


def _boolean(value: Any) -> bool:
    word = str(value).strip().lower()
    if word not in (*_TRUE, *_FALSE):
        raise ValueError
    return word in _TRUE


def _joined(value: Any, between: str) -> str:
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
        raise TypeError
    return between.join(items)


_CASTS = {"str": _string, "int": _integer, "float": _number, "bool": _boolean}
