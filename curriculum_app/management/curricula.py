"""`manage.py chimera curricula list|show|export|save`: the same as at the REST door and in the browser."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from chimera.errors import InputError, Problem
from chimera.projects.access import Actor
from curriculum_app.core import curriculum_file
from curriculum_app.selectors import curricula as selectors
from curriculum_app.services.curricula import curriculum_import


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["list", "show", "export", "save"])
    parser.add_argument(
        "what", nargs="?", default="", help="curriculum-3 or name:v2; to save a YAML or JSON file, or -"
    )


def run(actor: Actor, options: dict[str, Any]) -> Any:
    """The answer of one action; `export` gives YAML, the others JSON lines."""
    action, what = options["action"], options["what"]
    if action == "list":
        return _lines([selectors.described(row) for row in selectors.curricula(actor)], options["json"])
    if not what:
        raise InputError(Problem(f"say which: chimera curricula {action} …", field="what"))
    if action == "save":
        row, created = curriculum_import(actor, curriculum_file.read(*_read(what)))
        return _lines([{**selectors.described(row), "created": created}], options["json"])
    row = selectors.curriculum_named(actor, what)
    if action == "export":
        return curriculum_file.exported(row.name, row.policy, row.config, row.budget_tokens)
    return _lines([selectors.described(row)], options["json"])


def _lines(rows: list[dict[str, Any]], compact: bool) -> str:
    """One JSON object a line, for programs; else label, policy and author for people."""
    if compact:
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    return "".join(f"{row['uid']:<16} {row['label']}  {row['policy']['key']}  {row['created_by']}\n" for row in rows)


def _read(path: str) -> tuple[bytes, str]:
    """Not more of a file than a curriculum may have, and one byte to see that there is more."""
    limit = curriculum_file.MAX_BYTES + 1
    if path == "-":
        return sys.stdin.buffer.read(limit), "standard input"
    try:
        with Path(path).open("rb") as file:
            return file.read(limit), path
    except OSError as error:
        raise InputError(Problem(f"cannot be read: {error.strerror}", file=path)) from error
