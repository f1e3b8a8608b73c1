"""What a policy says of the order it made, in words: numbers and tables that no chart draws."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chimera.errors import InputError
from chimera.format import figures, grouped, percent
from curriculum_app.core.policies.base import POLICIES
from curriculum_app.models import Schedule

_SHARES = ("share", "fraction", "least", "most")
_IN_PHASES = {"name", "start", "end", "note"}  # what the table of phases says


@dataclass(frozen=True)
class FactTable:
    """Facts of several parts, such as the sources of a curriculum: the first cell of a row names the part."""

    title: str
    columns: list[str]
    rows: list[list[str]]


@dataclass(frozen=True)
class PlanFacts:
    """Single facts as `(title, value)`, and those of several parts."""

    single: list[tuple[str, str]]
    tables: list[FactTable]

    def __bool__(self) -> bool:
        return bool(self.single or self.tables)


def plan_facts(schedule: Schedule) -> PlanFacts:
    """The `facts` of a schedule's plan under their policy's titles; a policy's empty title leaves a fact out."""
    said = schedule.manifest.get("facts") or {}
    titles = _titles(schedule.curriculum.policy)
    told = {name: said[name] for name in _ordered(said, titles)}
    tables = [
        FactTable(_title(name, titles), *_cells(value, titles)) for name, value in told.items() if _is_table(value)
    ]
    return PlanFacts([*_single(told, titles)], tables)


def _ordered(names: Iterable[str], titles: Mapping[str, str]) -> list[str]:
    """Those that are shown, in the order of the policy's titles (the database sorts keys), then the others."""
    there = [*names]
    return [name for name in titles if name in there and titles[name]] + [name for name in there if name not in titles]


def _titles(key: str) -> Mapping[str, str]:
    try:
        return POLICIES.get(key).cls.fact_titles
    except InputError:  # not installed any more
        return {}


def _title(name: str, titles: Mapping[str, str]) -> str:
    return titles.get(name) or name.replace("_", " ").capitalize()


def _single(facts: Mapping[str, Any], titles: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Plain values; a zero says nothing."""
    for name, value in facts.items():
        if not isinstance(value, Mapping | list) and value != 0.0:
            yield _title(name, titles), in_words(name, value)


def _is_table(value: Any) -> bool:
    records = isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) for item in value)
    return records and not all(item.keys() <= _IN_PHASES for item in value)


def _cells(records: list[Mapping[str, Any]], titles: Mapping[str, str]) -> tuple[list[str], list[list[str]]]:
    keys = [key for key in _ordered(dict.fromkeys(key for item in records for key in item), titles) if key != "name"]
    used = [key for key in keys if any(item.get(key) is not None for item in records)]
    named = [str(item.get("name", number)) for number, item in enumerate(records, start=1)]
    rows = [
        [label, *(in_words(key, item.get(key)) for key in used)] for label, item in zip(named, records, strict=True)
    ]
    return [_title(key, titles).lower() for key in used], rows


def in_words(name: str, value: Any) -> str:
    """A number as its name asks for: a share as a percentage, a count in groups of three digits."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float) and name.rpartition("_")[2] in _SHARES:
        return percent(float(value))
    if isinstance(value, int):
        return grouped(value)
    return figures(value) if isinstance(value, float) else str(value)
