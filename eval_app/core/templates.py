"""lm-eval's templates, compiled once for a task instead of once for an item; they give what lm-eval's own code gives.

Only what `ConfigurableTask` would hand to `apply_template` is taken over; the name of a field stays a name.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

from lm_eval.utils import env

Filled = Callable[[Mapping[str, Any]], Any]


def compiled(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config with its templates as functions of an item."""
    several = config.get("doc_to_choice") is not None
    readers: dict[str, Callable[[str], Any]] = {
        "doc_to_text": lambda text: _index(text) if several else text,
        "doc_to_target": lambda text: _target(text, several=several),
        "doc_to_choice": ast.literal_eval,
    }
    made = {name: _filled(config[name], read) for name, read in readers.items() if _is_template(config.get(name))}
    return {**config, **made}


def _is_template(value: Any) -> bool:
    return isinstance(value, str) and ("{{" in value or "{%" in value)


def _filled(template: str, read: Callable[[str], Any]) -> Filled:
    ready = env.from_string(template)
    return lambda item: read(ready.render(**item))


def _index(text: str) -> Any:
    return ast.literal_eval(text) if text.isdigit() else text


def _target(text: str, *, several: bool) -> Any:
    """A number is the index of an option; what looks like a list is one."""
    if several and text.isdigit():
        return ast.literal_eval(text)
    if len(text) >= 2 and text[0] == "[" and text[-1] == "]":
        try:
            return ast.literal_eval(text)
        except (SyntaxError, ValueError):
            return text
    return text
