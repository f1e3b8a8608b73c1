"""From `Ref` to row: one resolution of references for all doors (choices, permission, "does not exist", opening)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

from chimera.artefacts import Stored
from chimera.errors import Problem
from chimera.jobs.models import Artefact
from chimera.projects.models import Project
from chimera.refs import Ref, Referable

_MODELS: dict[str, tuple[type[Artefact], str]] = {}


def register(model: type[Artefact], opens: str) -> None:
    """Make rows of `model` nameable by `Ref`; `opens` is the dotted domain class (`package.module:Class`)."""
    _MODELS[model.ref_kind] = (model, opens)


def model_of(kind: str) -> type[Artefact]:
    return _MODELS[kind][0]


def kinds() -> list[str]:
    return sorted(_MODELS)


def choices(project: Project, kind: str) -> QuerySet[Artefact]:
    """The artefacts of `kind` a config of this project may name, newest first."""
    return model_of(kind)._default_manager.filter(project=project).order_by("-pk")


def refs_in(value: Any, path: str = "") -> Iterator[tuple[str, Ref[Any]]]:
    """Every `Ref` inside a validated config with its dotted field path."""
    if isinstance(value, Ref):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from refs_in(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from refs_in(item, f"{path}.{index}" if path else str(index))
    elif hasattr(type(value), "model_fields"):
        for name in type(value).model_fields:
            yield from refs_in(getattr(value, name), f"{path}.{name}" if path else name)


def find(project: Project, ref: Ref[Any]) -> Artefact | None:
    """The row behind `ref` if it is in this project."""
    return choices(project, ref.kind).filter(pk=ref.number).first()


def missing(project: Project, config: Any) -> list[Problem]:
    """One problem per reference in `config` that names nothing in this project."""
    return [
        Problem(
            f"{ref} does not exist in project {project.slug}", field=path, hint=f"list them on the page of {ref.kind}s"
        )
        for path, ref in refs_in(config)
        if find(project, ref) is None
    ]


def open_ref(project: Project, ref: Ref[Any]) -> Referable:
    """The opened domain value behind `ref`.

    Raises:
        LookupError: it is not in this project.
    """
    from chimera.jobs.kinds import resolve

    row = find(project, ref)
    if row is None:
        raise LookupError(f"{ref} does not exist in project {project.slug}")
    stored: Stored = row.stored()
    opened: Referable = resolve(_MODELS[ref.kind][1]).open(stored)  # type: ignore[attr-defined]
    return opened
