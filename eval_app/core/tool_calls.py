"""Calls of tools in a text, `TOOL_USE[name:{json}]`, and whether they are the right ones (pure).

Matching follows the checker of the Berkeley Function Calling Leaderboard (Patil et al. 2025, `ast_checker`): name,
required parameters, no unexpected one, exact types, values among the accepted ones, texts compared without case,
spaces and ` ,./-_*^`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_HEAD = re.compile(r"TOOL_USE\[([A-Za-z_][\w.\-]*):")
_IGNORED = re.compile(r"[ ,./\-_*^]")
_TYPES: dict[str, tuple[type, ...]] = {
    **{"integer": (int,), "float": (float, int), "number": (float, int), "string": (str,), "boolean": (bool,)},
    **{"array": (list,), "tuple": (list,), "dict": (dict,), "object": (dict,), "any": (object,)},
}
Accepted = Mapping[str, Sequence[Any]]  # by parameter: its accepted values; "" among them: may be left out


@dataclass(frozen=True)
class Call:
    """One call as it stands in a text from `start` to `end`; `arguments` is None if it cannot be read."""

    name: str
    arguments: dict[str, Any] | None
    start: int
    end: int

    @property
    def valid(self) -> bool:
        return self.arguments is not None


def calls_of(text: str) -> list[Call]:
    """Every attempt at a call, in order."""
    found, place = [], 0
    while head := _HEAD.search(text, place):
        arguments, end = _arguments(text, head.end())
        found.append(Call(head[1], arguments, head.start(), end))
        place = end
    return found


def _arguments(text: str, place: int) -> tuple[dict[str, Any] | None, int]:
    try:
        value, end = json.JSONDecoder().raw_decode(text, place)
    except (ValueError, RecursionError):
        return None, place
    if not isinstance(value, dict) or text[end : end + 1] != "]":
        return None, end
    return value, end + 1


def fault_of(tools: Sequence[Mapping[str, Any]], right: Sequence[Mapping[str, Accepted]], calls: Sequence[Call]) -> str:
    """Why the calls are not the right ones in any order, in BFCL's words; empty if they are.

    `tools`: `{"name", "parameters": {"required", "properties": {name: {"type"}}}}`; `right`: `{tool: accepted}` each.
    """
    if len(calls) != len(right):
        return "wrong_count"
    by_name, left = {tool["name"]: tool for tool in tools}, list(calls)
    for each in right:
        ((name, accepted),) = each.items()
        faults = [_fault(by_name[name], accepted, call) for call in left]
        if "" not in faults:
            return next((f for f in faults if f != "wrong_func_name"), faults[0])
        left.pop(faults.index(""))
    return ""


def _fault(tool: Mapping[str, Any], accepted: Accepted, call: Call) -> str:
    if call.name != tool["name"]:
        return "wrong_func_name"
    if call.arguments is None:
        return "syntax"
    given, parameters = call.arguments, tool["parameters"]
    if any(name not in given for name in parameters["required"]):
        return "missing_required"
    for name, value in given.items():
        if name not in parameters["properties"] or name not in accepted:
            return "unexpected_param"
        if fault := _value_fault(parameters["properties"][name]["type"], accepted[name], value):
            return fault
    absent = [name for name, values in accepted.items() if name not in given and "" not in values]
    return "missing_optional" if absent else ""


def _value_fault(kind: str, accepted: Sequence[Any], value: Any) -> str:
    boolean = isinstance(value, bool)
    if not isinstance(value, _TYPES[kind]) or (boolean and kind not in ("boolean", "any")):
        return "type_error:simple"
    if any(_plain(value) == _plain(each) and boolean == isinstance(each, bool) for each in accepted):
        return ""
    named = {"string": "string", "array": "list/tuple", "tuple": "list/tuple", "dict": "dict_value"}
    return f"value_error:{named.get(kind, 'others')}"


def _plain(value: Any) -> Any:
    """Texts in the form in which they are compared, in lists and mappings too."""
    if isinstance(value, str):
        return _IGNORED.sub("", value).lower().replace("'", '"')
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return value
