"""Verbs that an app adds to `manage.py chimera`; functions are dotted strings, as those of a `JobKind`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Verb:
    """`arguments` is `arguments(parser) -> None`; `run` is `run(actor, options) -> JSON value`.

    What `run` gives is printed: text as it stands, all else as JSON. InputError, PermissionDenied and Http404 end with
    exit code 2.
    """

    name: str
    help: str
    arguments: str
    run: str


_VERBS: dict[str, Verb] = {}


def register(verb: Verb) -> None:
    _VERBS[verb.name] = verb


def all_verbs() -> list[Verb]:
    return sorted(_VERBS.values(), key=lambda verb: verb.name)
