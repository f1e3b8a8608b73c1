"""From `Ref` to row: one resolution of references for all doors (choices, permission, "does not exist", opening)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, get_args

from django.db.models import Q, QuerySet

from chimera.artefacts import Stored
from chimera.errors import Problem
from chimera.form_shapes import bare, is_subclass
from chimera.jobs.models import Artefact
from chimera.projects.models import Project
from chimera.refs import Ref, Referable, ref_kind_of
from chimera.registry import Choice
from chimera.typed import Config

A = TypeVar("A", bound=Referable)


@dataclass(frozen=True)
class _Kind:
    model: type[Artefact]
    opens: str
    held_by: str
    followers: Mapping[str, tuple[str, ...]]


_KINDS: dict[str, _Kind] = {}


def register(
    model: type[Artefact], opens: str, held_by: str = "", followers: Mapping[str, tuple[str, ...]] | None = None
) -> None:
    """Make rows of `model` nameable by `Ref`; `opens` is the dotted domain class (`package.module:Class`).

    `held_by` is a dotted function, `held_by(row) -> list[Problem]`: what keeps a row from being deleted. `followers`
    are kinds in the store that have no rows and mean nothing without the files of this one: kind → the entries of
    their manifests that name its digest.
    """
    _KINDS[model.ref_kind] = _Kind(model, opens, held_by, followers or {})


def followers_of(kind: str) -> Mapping[str, tuple[str, ...]]:
    return _KINDS[kind].followers


def model_of(kind: str) -> type[Artefact]:
    return _KINDS[kind].model


def kinds() -> list[str]:
    return sorted(_KINDS)


def rows(project: Project, kind: str) -> QuerySet[Artefact]:
    """The artefacts of `kind` in this project, newest first, deleted ones too."""
    return model_of(kind)._default_manager.filter(project=project).order_by("-pk")


def choices(project: Project, kind: str) -> QuerySet[Artefact]:
    """The artefacts of `kind` a config of this project may name, newest first."""
    return rows(project, kind).exclude(pk__in=tombstones(kind))


def leaves_tombstones(kind: str) -> bool:
    """Whether rows of this kind can be deleted: the row stays, marked, and the files go."""
    return any(field.name == "deleted_at" for field in model_of(kind)._meta.get_fields())


def tombstones(kind: str) -> QuerySet[Artefact]:
    """The deleted rows of this kind in all projects."""
    everything = model_of(kind)._default_manager.all()
    if not leaves_tombstones(kind):
        return everything.none()
    return everything.filter(Q(("deleted_at__isnull", False)))


def holds_on_to(row: Artefact) -> list[Problem]:
    """What the app of this kind has against deleting `row`."""
    from chimera.jobs.kinds import resolve

    held_by = _KINDS[row.ref_kind].held_by
    problems: list[Problem] = resolve(held_by)(row) if held_by else []
    return problems


def refs_in(value: Any, path: str = "") -> Iterator[tuple[str, Ref[Any]]]:
    """Every `Ref` inside a validated config with its dotted field path, those in the settings of extensions too."""
    if isinstance(value, Ref):
        yield path, value
    elif isinstance(value, Choice):
        yield from refs_in(value.settings(), f"{path}.config" if path else "config")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from refs_in(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from refs_in(item, f"{path}.{index}" if path else str(index))
    elif hasattr(type(value), "model_fields"):
        for name in type(value).model_fields:
            yield from refs_in(getattr(value, name), f"{path}.{name}" if path else name)


def with_every(config: type[Config], raw: Mapping[str, Any], project: Project) -> dict[str, Any]:
    """`raw`, where lists of references that are left out name what they mean by that.

    A field with `json_schema_extra={"left_out": "every"}` means the newest version of every artefact of its kind in the
    project. The config that is stored names each, so it means the same ever after.
    """
    filled = dict(raw)
    for name, info in config.model_fields.items():
        kind, extra = bare(info.annotation), info.json_schema_extra
        inner = filled.get(name, {})
        if name not in filled and info.default is None:
            continue  # nothing is what it means
        if is_subclass(kind, Config) and isinstance(inner, Mapping):
            if below := with_every(kind, inner, project):
                filled[name] = below
        elif isinstance(extra, Mapping) and extra.get("left_out") == "every" and name not in filled:
            filled[name] = _newest(project, ref_kind_of(get_args(kind)[0]))
    return filled


def _newest(project: Project, kind: str) -> list[str]:
    newest: dict[str, str] = {}
    for row in choices(project, kind).defer("manifest"):
        newest.setdefault(row.name, row.uid)
    return sorted(newest.values(), key=lambda uid: Ref(uid).number)


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
    opened: Referable = resolve(_KINDS[ref.kind].opens).open(stored)  # type: ignore[attr-defined]
    return opened


def opened(kind: type[A], row: Artefact) -> A | None:
    """The artefact of a row as `kind`, or None when its files are not on this machine."""
    try:
        return kind.open(row.stored())
    except FileNotFoundError:
        return None
