"""One validation for all doors: a raw JSON value in, a typed config or the same list of problems out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import ValidationError

from chimera.errors import InputError, Problem, problems_of
from chimera.jobs import refs
from chimera.jobs.kinds import JobKind, get_kind, resolve
from chimera.jobs.storable import paths_with_nul
from chimera.projects.models import Project
from chimera.typed import Config

C = TypeVar("C", bound=Config)
Complete = Callable[[Any, Project], Any]


def validate(kind: str | JobKind, raw: Any, project: Project) -> Config:
    """The config of a job of `kind` in `project`; lists of references that mean everything when left out are filled,
    and short forms of the kind are spelt out.

    Raises:
        InputError: unknown kind, invalid fields, or references to what is not in the project.
    """
    described = get_kind(kind) if isinstance(kind, str) else kind
    return validate_as(described.config, raw, project, resolve(described.complete) if described.complete else None)


def validate_as(expected: type[C], raw: Any, project: Project, complete: Complete | None = None) -> C:
    """`raw` as `expected` in `project`, in the same words for what is no job.

    Raises:
        InputError: invalid fields, or references to what is not in the project.
    """
    if not isinstance(raw, dict):
        raise InputError(Problem(f"the config must be a JSON object, not {type(raw).__name__}"))
    if unstorable := list(paths_with_nul(raw)):
        raise InputError([Problem("Null characters are not allowed.", field=path) for path in unstorable])
    filled = refs.with_every(expected, raw, project)
    if complete:
        filled = complete(filled, project)
    try:
        config = expected.model_validate(filled)
    except ValidationError as error:
        raise InputError(problems_of(error)) from error
    problems = refs.missing(project, config)
    if problems:
        raise InputError(problems)
    return config


def as_json(problems: list[Problem]) -> list[dict[str, str | int | None]]:
    """The form in which every door writes problems."""
    return [problem.as_json() for problem in problems]
