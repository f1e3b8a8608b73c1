"""What the recipe workbench shows: rules with their statistics, examples with passages, changes of texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from pydantic.fields import FieldInfo

from chimera.form_shapes import bare, bounds, is_optional, label_of
from chimera.jobs import refs
from chimera.projects.access import Actor
from curriculum_app.core import asking_filters
from curriculum_app.core import rule_sample as core
from curriculum_app.core.configs import default_recipes
from curriculum_app.core.documents import Document
from curriculum_app.core.filters.base import FILTERS, FilterChoice, Span
from curriculum_app.core.text_difference import Piece, text_difference
from curriculum_app.core.time_limit import CallFailed, TimedOut
from curriculum_app.models import DatasetVersion, RuleSample

STARTS = 20
_BEFORE, _EXCERPT = 80, 420  # characters shown in front of the first passage, and in all
_LONGEST = 200_000  # characters of a text in a dialog


def sample_get(actor: Actor, pk: int) -> RuleSample:
    """The rule sample of this project, or 404."""
    rows = RuleSample.objects.select_related("job").prefetch_related("datasets")
    return get_object_or_404(rows, project=actor.project, pk=pk)


def opened(sample: RuleSample) -> core.RuleSample | None:
    """The artefact, or None when its files are not on this machine."""
    return refs.opened(core.RuleSample, sample)


def samples_of(version: DatasetVersion) -> QuerySet[RuleSample]:
    """The samples that were measured on a version, newest first."""
    return version.rule_samples.order_by("-pk")[:STARTS]


def starts(actor: Actor) -> list[tuple[str, str]]:
    """`(value, title)` of the recipes one may start from: the default, and those of curated versions."""
    made = DatasetVersion.objects.filter(project=actor.project, manifest__recipe__op="curate").order_by("-pk")[:STARTS]
    return [("", "Default recipes"), *((row.uid, f"Recipes of {row.label}") for row in made)]


def start_recipes(actor: Actor, start: str) -> dict[str, Any]:
    """The recipes and final filters to start from: those of the curated version `dataset-3`, or the default."""
    number = start.removeprefix("dataset-")
    if not number.isdecimal() or len(number) > 18:
        return {"recipes": {name: [c.as_json() for c in recipe] for name, recipe in default_recipes().items()}}
    params = get_object_or_404(DatasetVersion, project=actor.project, pk=int(number)).manifest.get("recipe", {})
    said = params.get("params", {})
    return {name: said[name] for name in ("recipes", "final_filters") if name in said}


def rules_json(sample: core.RuleSample) -> list[dict[str, Any]]:
    """Per domain its filters, and per rule the statistic of every document (None where it was not asked)."""
    changes = sample.changes()
    return [_domain_json(sample, domain, changes) for domain in sample.domains]


def _domain_json(sample: core.RuleSample, domain: core.SampledDomain, changes: dict[int, list[int]]) -> dict[str, Any]:
    chain, ends = [*domain.recipe, *domain.final], len(domain.recipe)
    entries, rules = [FILTERS.get(choice.key) for choice in chain], sample.rules(domain)
    # what follows the recipes is the same in every domain: no cut of one domain may change it
    settings = [entry.config.model_fields if place < ends else {} for place, entry in enumerate(entries)]
    steps = [
        {**choice.as_json(), "title": entry.title, "final": place >= ends, "changed": []}
        for place, (choice, entry) in enumerate(zip(chain, entries, strict=True))
    ]
    for document in range(domain.first, domain.first + domain.documents):
        for step in changes.get(document, []):
            steps[step]["changed"].append(document - domain.first)
    return {
        "name": domain.name,
        "first": domain.first,
        "documents": domain.documents,
        "population": domain.population,
        "steps": steps,
        "rules": [_rule_json(column, settings[column.step].get(column.field)) for column in rules.columns],
        "orders": rules.orders,
    }


def _rule_json(column: core.RuleColumn, info: FieldInfo | None) -> dict[str, Any]:
    values = column.values.tolist()
    return {
        "step": column.step,
        "reason": column.reason,
        "side": column.side,
        "strict": column.strict,
        "bound": column.bound,
        **_setting(column.field, info),
        "values": [None if value != value else value for value in values] if np.isnan(column.values).any() else values,
    }


def _setting(name: str, info: FieldInfo | None) -> dict[str, Any]:
    """What holds the bound: a number that can be dragged, a switch, or nothing that a cut could change."""
    kind = bare(info.annotation) if info is not None else None
    if info is None or kind not in (int, float, bool):
        return {"kind": "fixed", "field": name, "title": ""}
    said = {"field": name, "title": label_of(name, info), "help": info.description or ""}
    if kind is bool:
        return {"kind": "switch", **said}
    limits = bounds(info, kind)
    return {
        "kind": "number",
        **said,
        "optional": is_optional(info.annotation),
        "whole": kind is int,
        "min": limits.get("min"),
        "max": limits.get("max"),
        "usual": info.get_default(call_default_factory=True),
    }


@dataclass(frozen=True)
class Marked:
    """A document as it came into a filter, in pieces `(text, whether a rule speaks of it)`."""

    number: int
    document: Document
    pieces: list[tuple[str, bool]]
    passages: int


def marked(sample: core.RuleSample, numbers: list[int], step: int, reason: str, short: bool) -> list[Marked]:
    """Documents of one domain with the passages of a rule; `short` gives what is around the first passage.

    Raises:
        KeyError: no such document in the sample, or no such filter in its recipe.
    """
    if not numbers:
        return []
    choices = [_choice(sample, number, step) for number in numbers]
    documents = [sample.document(number, step) for number in numbers]
    found = _passages(documents, choices[0], reason)
    return [
        _marked(number, document, spans, short)
        for number, document, spans in zip(numbers, documents, found, strict=True)
    ]


def _passages(documents: list[Document], choice: FilterChoice, reason: str) -> list[list[Span]]:
    """Without marks where a text hangs the filter: it can be read all the same."""
    try:
        return asking_filters.passages(documents, choice, reason)
    except (TimedOut, CallFailed):
        return [[] for _ in documents]


def _marked(number: int, document: Document, found: list[Span], short: bool) -> Marked:
    spans = _joined(found, len(document.text))
    start = max(0, spans[0][0] - _BEFORE) if short and spans else 0
    end = start + (_EXCERPT if short else _LONGEST)
    return Marked(number, document, _pieces(document.text, spans, start, end), len(spans))


def change(sample: core.RuleSample, number: int, step: int) -> tuple[Document, Document, list[Piece]]:
    """A document before and after a filter, and the difference (none between markup and the text taken out of it).

    Raises:
        KeyError: no such document in the sample, or no such filter in its recipe.
    """
    _choice(sample, number, step)
    before, after = sample.document(number, step), sample.document(number, step + 1)
    return before, after, text_difference(before.text, after.text).shortened if before.content == after.content else []


def _choice(sample: core.RuleSample, number: int, step: int) -> FilterChoice:
    for domain in sample.domains:
        if domain.first <= number < domain.first + domain.documents:
            chain = [*domain.recipe, *domain.final]
            if 0 <= step < len(chain):
                return chain[step]
    raise KeyError((number, step))


def _joined(spans: list[Span], length: int) -> list[Span]:
    """The spans in order, those that overlap as one."""
    joined: list[Span] = []
    for start, end in sorted((max(0, start), min(end, length)) for start, end in spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        elif start < end:
            joined.append((start, end))
    return joined


def _pieces(text: str, spans: list[Span], start: int, end: int) -> list[tuple[str, bool]]:
    pieces, place = [("… ", False)] if start else [], start
    for a, b in spans:
        if a >= end:
            break
        pieces += [(text[place:a], False), (text[a : min(b, end)], True)]
        place = min(b, end)
    pieces += [(text[place:end], False), (" …" if end < len(text) else "", False)]
    return [piece for piece in pieces if piece[0]]
