"""Reads of curricula and schedules."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Max, QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404

from chimera.errors import InputError
from chimera.form_shapes import bare, is_subclass, label_of
from chimera.jobs import refs
from chimera.projects.access import Actor
from chimera.typed import Config
from curriculum_app.core.policies.base import POLICIES
from curriculum_app.core.schedule import Schedule as CoreSchedule
from curriculum_app.models import Curriculum, Schedule
from curriculum_app.selectors.funnel import settings_of


def curricula(actor: Actor) -> QuerySet[Curriculum]:
    """Newest first, with how many schedules each has and when the last was made."""
    found = Curriculum.objects.filter(project=actor.project)
    return found.annotate(num_schedules=Count("schedules"), last_schedule=Max("schedules__created_at")).order_by("-pk")


def curriculum_get(actor: Actor, pk: int) -> Curriculum:
    return get_object_or_404(Curriculum, project=actor.project, pk=pk)


def curriculum_named(actor: Actor, name: str) -> Curriculum:
    """A curriculum of this project by its id (`curriculum-3`) or label (`mix:v2`), or 404."""
    of_project = Curriculum.objects.filter(project=actor.project).select_related("parent")
    label, _, version = name.rpartition(":v")
    number = name.removeprefix("curriculum-")
    if number != name and number.isdecimal() and len(number) < 19:
        found = of_project.filter(pk=int(number)).first()
    elif version.isdecimal() and len(version) < 10:
        found = of_project.filter(name=label, version=int(version)).first()
    else:
        found = None
    if found is None:
        raise Http404(f"there is no curriculum {name!r} in project {actor.project.slug}; say curriculum-3 or name:v2")
    return found


def described(row: Curriculum) -> dict[str, Any]:
    """A curriculum as the REST door and the command line show it."""
    return {
        "uid": row.uid,
        "label": row.label,
        "name": row.name,
        "version": row.version,
        "fingerprint": row.fingerprint,
        "policy": {"key": row.policy, "config": row.config},
        "parent": f"curriculum-{row.parent_id}" if row.parent_id else None,
        "sequences": f"sequences-{row.sequence_set_id}" if row.sequence_set_id else None,
        "budget_tokens": row.budget_tokens,
        "created_by": row.created_by,
        "created_at": row.created_at.isoformat(),
    }


def versions_of(curriculum: Curriculum) -> list[Curriculum]:
    """Every version under its name, newest first."""
    same = Curriculum.objects.filter(project=curriculum.project_id, name=curriculum.name)
    return list(same.order_by("-version"))


def others(curriculum: Curriculum) -> list[Curriculum]:
    """The curricula of the project it can be compared with."""
    found = Curriculum.objects.filter(project=curriculum.project_id).exclude(pk=curriculum.pk)
    return list(found.order_by("name", "-version")[:200])


def schedules_of(curriculum: Curriculum) -> QuerySet[Schedule]:
    """Its schedules, newest first, without their (long) manifests."""
    return curriculum.schedules.defer("manifest").select_related("sequence_set").order_by("-pk")


def schedule_get(actor: Actor, pk: int) -> Schedule:
    """The schedule of this project with its curriculum and sequences, or 404."""
    found = Schedule.objects.select_related("curriculum", "sequence_set__dataset", "job")
    return get_object_or_404(found, project=actor.project, pk=pk)


def opened(schedule: Schedule) -> CoreSchedule | None:
    """The artefact, or None when its files are not on this machine."""
    return refs.opened(CoreSchedule, schedule)


def train_query(schedule: Schedule) -> str:
    """What a form for a run on it begins with: where the curriculum brings a learning rate, that one is chosen."""
    begin: dict[str, Any] = {"schedule": schedule.uid}
    if (schedule.manifest.get("tracks") or {}).get("learning_rate"):
        begin["learning_rate"] = {"key": "planned"}  # training_app.core.learning_rates.planned
    return urlencode({"config": json.dumps(begin)})


@dataclass(frozen=True)
class PolicyFacts:
    """A policy in words: `settings` are `(title, value)`, with the fields' own titles where the policy still exists.

    What was left empty is left out.
    """

    title: str
    summary: str
    settings: list[tuple[str, str]]


def policy_facts(key: str, config: dict[str, Any]) -> PolicyFacts:
    try:
        entry = POLICIES.get(key)
    except InputError:
        return PolicyFacts(key, "This policy is not installed any more.", settings_of(config))
    settings = [pair for pair in settings_of(_titled(config, entry.config), between=": ") if pair[1] != "–"]
    return PolicyFacts(entry.title, getattr(entry.cls, "summary", ""), settings)


def _titled(value: Any, kind: Any) -> Any:
    """The settings under the titles of the config `kind`, in the order of its form (the database sorts keys)."""
    if not isinstance(value, Mapping):
        return _short(value)
    fields = kind.model_fields if is_subclass(kind, Config) else {}
    known = {
        label_of(name, info): _titled(value[name], bare(info.annotation))
        for name, info in fields.items()
        if name in value
    }
    return known | {str(name): _titled(item, None) for name, item in value.items() if name not in fields}


def _short(value: Any) -> Any:
    """A list of records as what tells them apart: their names, or where they stand."""
    if isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
        marks = [item.get("name", item.get("at")) for item in value]
        return f"{len(value)}" if None in marks or "" in marks else ", ".join(dict(settings_of({"": marks})).values())
    return value


def _leaves(value: Any, path: str = "") -> dict[str, Any]:
    """Every plain value inside `value` by where it stands; records in a list are counted from 1."""
    if isinstance(value, Mapping):
        inner = [(f"{path}.{name}" if path else str(name), item) for name, item in value.items()]
    elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        inner = [(f"{path} {number}", item) for number, item in enumerate(value, start=1)]
    else:
        return {path: value}
    return {place: leaf for below, item in inner for place, leaf in _leaves(item, below).items()}


@dataclass(frozen=True)
class Exposure:
    """Tokens of one group that a schedule shows. `available` are those of the whole sequence set."""

    group: str
    tokens: int
    share: float
    available: int

    @property
    def used(self) -> float:
        """How much of what there is was shown: 1.0 is every token once."""
        return self.tokens / self.available if self.available else 0.0


def exposure(schedule: Schedule) -> list[tuple[str, list[Exposure]]]:
    """`(grouping, groups)` of what a schedule shows; empty when its manifest does not say."""
    found = schedule.manifest.get("exposure", {})
    table = schedule.sequence_set.manifest
    return [(name, _exposures(counts, _available(table, name))) for name, counts in found.items()]


def _available(table: dict[str, Any], grouping: str) -> dict[str, int]:
    names, tokens = table.get("groupings", {}).get(grouping, []), table.get("tokens_by_group", {}).get(grouping, [])
    return dict(zip(names, tokens, strict=True))


def _exposures(counts: dict[str, int], available: dict[str, int]) -> list[Exposure]:
    total = sum(counts.values()) or 1
    order = [name for name in available if name in counts] + [name for name in counts if name not in available]
    return [Exposure(name, counts[name], counts[name] / total, available.get(name, 0)) for name in order]


@dataclass(frozen=True)
class Difference:
    """A setting in which two curricula differ; None where one has no such setting."""

    setting: str
    left: str | None
    right: str | None


def differences(left: Curriculum, right: Curriculum) -> list[Difference]:
    """Every setting that is not equal, the policy first."""
    one, two = ({"policy": item.policy, **dict(settings_of(_leaves(item.config)))} for item in (left, right))
    names = dict.fromkeys([*one, *two])
    return [Difference(name, one.get(name), two.get(name)) for name in names if one.get(name) != two.get(name)]
