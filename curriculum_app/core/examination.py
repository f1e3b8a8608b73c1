"""One document through a recipe again, with every rule's value: what a curation decided about it, step by step (pure).

Filters are functions of the document and their settings, so asking them again gives the values that decided. Unlike a
curation, an examination does not stop at the first rule that fails: what would have come after it is measured too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from curriculum_app.core.documents import Document
from curriculum_app.core.filters.base import Drop, Filter, FilterChoice, Measured

SHOWN_CHARS = 40_000  # of a text before and after a step


@dataclass(frozen=True)
class Rule:
    """A rule's value for the document. `binds`: it has a bound; `decided`: the document was dropped by it."""

    reason: str
    statistic: float
    bound: float | None
    side: str
    strict: bool
    passes: bool
    decided: bool = False

    @property
    def binds(self) -> bool:
        return self.bound is not None


@dataclass(frozen=True)
class Step:
    """One filter. `verdict` is kept, changed, dropped or not reached; texts are given where they differ, cut.

    `markup`: the text before is markup and the one after is not, so that comparing them word by word says nothing.
    """

    key: str
    title: str
    verdict: str
    reason: str = ""
    rules: list[Rule] = field(default_factory=list)
    before: str | None = None
    after: str | None = None
    markup: bool = False


def examine(document: Document, recipe: Sequence[FilterChoice]) -> list[Step]:
    """Every step of the recipe in order; it ends early only when no text is left."""
    steps: list[Step] = []
    reached = True
    for choice in recipe:
        built: Filter = choice.build()
        verdict = built.judge(document)
        after = built.transform(document) if isinstance(verdict, Drop) else verdict.document
        steps.append(_step(choice, built, document, after, verdict if isinstance(verdict, Drop) else None, reached))
        reached = reached and steps[-1].verdict != "dropped"
        document = after
        if not document.text:
            break
    return steps


def _step(
    choice: FilterChoice, built: Filter, before: Document, after: Document, drop: Drop | None, reached: bool
) -> Step:
    if drop is None and not after.text:
        drop = Drop("empty")
    changed = after.text != before.text
    verdict = "dropped" if drop else "changed" if changed else "kept"
    return Step(
        key=choice.key,
        title=str(getattr(built, "title", choice.key)),
        verdict=verdict if reached else "not reached",
        reason=drop.reason if drop else "",
        rules=_rules(built.measure(before), drop),
        before=before.text[:SHOWN_CHARS] if changed else None,
        after=after.text[:SHOWN_CHARS] if changed else None,
        markup=before.content != after.content,
    )


def _rules(measured: Any, drop: Drop | None) -> list[Rule]:
    rules = list(map(_rule, measured))
    first = next((place for place, rule in enumerate(rules) if not rule.passes), None)
    if drop is not None and first is not None:
        rules[first] = Rule(**asdict(rules[first]) | {"decided": True})
    return rules


def _rule(item: Measured) -> Rule:
    bound = item.least if item.least is not None else item.most
    return Rule(
        item.reason, float(item.statistic), None if bound is None else float(bound), item.side, item.strict, item.passes
    )


def steps_of(said: Sequence[Mapping[str, Any]]) -> list[Step]:
    """The steps of an answer."""
    return [Step(**{**item, "rules": [Rule(**rule) for rule in item["rules"]]}) for item in said]
