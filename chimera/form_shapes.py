"""What a config's annotations look like to a form: labels, bounds, defaults, and the shape of what is nested.

A `Shape` is the JSON from which `static/js/lists.js` builds inputs in the place of a JSON text area.
"""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, TypeGuard, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

from chimera.refs import Ref, ref_kind_of
from chimera.registry import Choice, Entry
from chimera.typed import Config

Shape = dict[str, Any]
RefChoices = Callable[[str], list[tuple[str, str]]]
"""Kind of artefact → `(uid, label)` of each that may be named."""


def bare(annotation: Any) -> Any:
    """`X | None` → `X`, `Annotated[X, ...]` → `X`."""
    if get_origin(annotation) is Annotated:
        return get_args(annotation)[0]
    if get_origin(annotation) in (Union, types.UnionType):
        inner = [item for item in get_args(annotation) if item is not type(None)]
        return inner[0] if len(inner) == 1 else annotation
    return annotation


def is_optional(annotation: Any) -> bool:
    return type(None) in get_args(annotation)


def is_subclass(kind: Any, parent: type) -> TypeGuard[type[Any]]:
    return isinstance(kind, type) and issubclass(kind, parent)


def defaults_of(config: type[Config]) -> dict[str, Any]:
    """The JSON values of the fields that have a default."""
    fields = config.model_fields.items()
    return {
        name: to_jsonable_python(info.get_default(call_default_factory=True))
        for name, info in fields
        if not info.is_required()
    }


def label_of(name: str, info: FieldInfo) -> str:
    return info.title or name.replace("_", " ").capitalize()


def bounds(info: FieldInfo, kind: type) -> dict[str, Any]:
    """`min`, `max` and `step` of a number (inclusive in HTML; pydantic still refuses an excluded bound)."""
    attrs: dict[str, Any] = {"step": 1 if kind is int else "any"}
    for item in info.metadata:
        for side, names in (("min", ("ge", "gt")), ("max", ("le", "lt"))):
            found = next((getattr(item, name) for name in names if getattr(item, name, None) is not None), None)
            if found is not None:
                attrs[side] = found
    return attrs


def summary_of(entry: Entry[Any]) -> str:
    """One line about an extension: its `summary`, else the first line of its documentation; and what it lacks here."""
    missing = entry.cls.missing() if hasattr(entry.cls, "missing") else ""
    said = getattr(entry.cls, "summary", None) or (inspect.getdoc(entry.cls) or "").partition("\n")[0]
    lacking = f" Cannot be used now: {missing}." if missing else ""
    return str(said).replace("`", "") + lacking


def shape_of(annotation: Any, info: FieldInfo | None = None) -> Shape | None:
    """The shape of a value; None for what can only be written as JSON. `info` is the field that holds it."""
    kind = bare(annotation)
    origin, arguments = get_origin(kind), tuple(bare(item) for item in get_args(kind))
    if is_subclass(kind, Choice):
        kinds = [_kind(entry) for entry in kind.registry()]
        return {"type": "choice", "noun": kind.registry().name, "kinds": kinds, "usual": kind.usual}
    if is_subclass(kind, Config):
        shape = {"type": "object", "noun": _noun(kind), "fields": _fields(kind)}
        return shape | {"optional": True, "title": label_of("", info)} if info and is_optional(annotation) else shape
    if origin is list and arguments[0] in (str, int, float):
        return {"type": "words"}
    if origin is list:
        return {"type": "list", "of": shape_of(arguments[0])} if is_subclass(arguments[0], Config) else None
    if origin is dict:
        inner = shape_of(arguments[1])
        return inner and {"type": "dict", "of": inner, **_titles(info)}
    return _either(kind) if origin in (Union, types.UnionType) else _leaf(kind, info)


def _noun(kind: type[Config]) -> str:
    """`MixtureKnot` → "mixture knot"."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", kind.__name__.removesuffix("Config")).lower()


def _leaf(kind: Any, info: FieldInfo | None) -> Shape | None:
    if kind is bool:
        return {"type": "check"}
    if kind in (int, float):
        return {"type": "number", "attributes": bounds(info, kind) if info else {"step": "any"}}
    if kind is str:
        return {"type": "text", "long": True} if said_of(info).get("multiline") else {"type": "text"}
    if get_origin(kind) is Ref:
        return {"type": "select", "names": ref_kind_of(kind), "options": [None], "labels": ["choose …"]}
    return {"type": "select", "options": list(get_args(kind))} if get_origin(kind) is Literal else None


def offer(shape: Any, ref_choices: RefChoices) -> Any:
    """The shape with every reference in it offering what it may name, after nothing."""
    if isinstance(shape, list):
        return [offer(item, ref_choices) for item in shape]
    if not isinstance(shape, dict):
        return shape
    if "names" not in shape:
        return {key: offer(item, ref_choices) for key, item in shape.items()}
    found = [(None, "choose …"), *ref_choices(shape["names"])]
    return shape | {"options": [uid for uid, _ in found], "labels": [label or uid for uid, label in found]}


def _titles(info: FieldInfo | None) -> Shape:
    """What the keys and values of a dictionary are called: `key_title` and `value_title` of its JSON schema."""
    said = said_of(info)
    return {"keyTitle": said.get("key_title", "Name"), "valueTitle": said.get("value_title", "Value")}


def said_of(info: FieldInfo | None) -> Mapping[str, Any]:
    """What a field's JSON schema says beside pydantic's own words."""
    extra = info.json_schema_extra if info else None
    return extra if isinstance(extra, Mapping) else {}


def _either(kind: Any) -> Shape | None:
    """A plain string, or a config for those who need to say more."""
    arguments = get_args(kind)
    if len(arguments) != 2 or arguments[0] is not str or not is_subclass(arguments[1], Config):
        return None
    return {"type": "either", "plain": {"type": "text"}, "more": shape_of(arguments[1])}


def _kind(entry: Entry[Any]) -> Shape:
    return {
        "key": entry.key,
        "title": entry.title,
        "summary": summary_of(entry),
        "type": "object",
        "fields": _fields(entry.config),
    }


def _fields(config: type[Config]) -> list[Shape]:
    """The fields that have a shape, with what a form says about them and their defaults."""
    defaults, fields = defaults_of(config), []
    for name, info in config.model_fields.items():
        shape = shape_of(info.annotation, info)
        if shape is not None:
            said = {"name": info.alias or name, "title": label_of(name, info), "help": info.description or ""}
            fields.append({**said, "optional": is_optional(info.annotation), "value": defaults.get(name), **shape})
    return fields
