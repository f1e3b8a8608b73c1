"""Every metric that runs have logged: searched, folded by prefix, a page of charts at a time."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from django.core.paginator import Page, Paginator
from django.db.models import F, Func, QuerySet, TextField

from chimera.errors import InputError, Problem
from chimera.projects.access import Actor
from training_app.models import TrainingRun
from training_app.selectors.runs import of_project

PAGE_SIZE = 24
OPEN_AT_MOST = 24  # charts of groups that are open from the start
ALONE = "other"  # group of the keys without a prefix


def matching(keys: Iterable[str], query: str) -> list[str]:
    """The keys that a search finds, by name: words, a glob (`held_out/*`) or a regular expression (`/loss|ppl/`).

    Expressions are RE2: they take time linear in the key, whatever they say.

    Raises:
        InputError: what stands between slashes is no regular expression.
    """
    ordered, query = sorted(keys), query.strip()
    if len(query) > 2 and query.startswith("/") and query.endswith("/"):
        return _by_expression(ordered, query[1:-1])
    if any(sign in query for sign in "*?["):
        return fnmatch.filter(ordered, query)
    words = query.lower().split()
    return [key for key in ordered if all(word in key.lower() for word in words)]


def _by_expression(keys: Sequence[str], expression: str) -> list[str]:
    try:
        hits = pc.match_substring_regex(pa.array(keys, pa.string()), expression, ignore_case=True)
    except pa.ArrowInvalid as error:
        problem = Problem(f"{expression!r} is no regular expression: {error}", field="metrics")
        raise InputError(problem) from error
    return [key for key, hit in zip(keys, hits.to_pylist(), strict=True) if hit]


@dataclass(frozen=True)
class Group:
    """Keys with one prefix. `open`: its first page of charts is shown at once."""

    name: str
    keys: list[str]
    open: bool


def grouped_keys(keys: Sequence[str], *, unfold: bool) -> list[Group]:
    """By the part before the first slash: groups in order of name, keys without a prefix at the end.

    With `unfold` the first groups are open, as many as hold no more than `OPEN_AT_MOST` charts together.
    """
    found: dict[str, list[str]] = {}
    for key in keys:
        prefix, slash, _ = key.partition("/")
        found.setdefault(prefix if slash and prefix else ALONE, []).append(key)
    shown, groups = 0, []
    for name in sorted(found, key=lambda name: (name == ALONE, name)):
        shown += len(found[name])
        groups.append(Group(name, found[name], unfold and shown <= OPEN_AT_MOST))
    return groups


def page_of_group(keys: Sequence[str], group: str, number: str) -> Page[str]:
    """One page of the keys of one group; of all keys where `group` is empty."""
    if group:
        mine = {found.name: found.keys for found in grouped_keys(keys, unfold=False)}
        keys = mine.get(group, [])
    return Paginator(list(keys), PAGE_SIZE).get_page(number)


def logged_by_all(runs: Iterable[TrainingRun]) -> list[str]:
    """Every key that at least one of the runs has logged, by name."""
    return _logged(TrainingRun.objects.filter(pk__in=[run.pk for run in runs]))


def logged_in_project(actor: Actor) -> list[str]:
    """Every key that a run of the project has logged, by name."""
    return _logged(of_project(actor))


def _logged(runs: QuerySet[TrainingRun]) -> list[str]:
    keys = runs.annotate(key=Func(F("latest"), function="jsonb_object_keys", output_field=TextField()))
    return sorted(keys.order_by().values_list("key", flat=True).distinct())
