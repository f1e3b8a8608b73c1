"""What a curation filter is, the registry of them, and how a config chooses one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from chimera.registry import Choice, Registry
from curriculum_app.core.documents import Document


@dataclass(frozen=True)
class Keep:
    """The document goes on, possibly changed."""

    document: Document


@dataclass(frozen=True)
class Drop:
    """The document is removed. `statistic` is the number that was compared with the threshold of rule `reason`."""

    reason: str
    statistic: float | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """What a rule of a filter measures of a document, whether or not the document passes it.

    The document passes while `least` ≤ `statistic` ≤ `most`; a bound that is None, or switched off, does not bind.
    `field` is the field of the filter's config that holds the bound: dragging the cut means changing that field.
    `strict` turns the comparison with the bound into < or >.
    """

    reason: str
    statistic: float
    field: str
    least: float | None = None
    most: float | None = None
    strict: bool = False

    @property
    def passes(self) -> bool:
        if self.strict:
            return (self.least is None or self.statistic > self.least) and (
                self.most is None or self.statistic < self.most
            )
        return (self.least is None or self.statistic >= self.least) and (
            self.most is None or self.statistic <= self.most
        )


Span = tuple[int, int]
"""Start and end of a passage, in characters of the text that came into the filter."""


class Filter(ABC):
    """One curation step. A filter sees one document at a time and keeps no state between documents."""

    @abstractmethod
    def judge(self, document: Document) -> Keep | Drop: ...

    def measure(self, document: Document) -> Iterator[Measured]:
        """Every rule with a number, in the order in which `judge` asks them; rules that are switched off included.

        `judge` drops a document by the first rule here that it does not pass, so the two cannot disagree.
        """
        return iter(())

    def passages(self, document: Document, reason: str) -> list[Span]:
        """Where in the text the rule `reason` found what it counts, for highlighting; empty if it has no place."""
        return []


FILTERS: Registry[Filter] = Registry("filter", "curriculum_app.core.filters")


class FilterChoice(Choice):
    """A filter with its settings, as a recipe names it."""

    @classmethod
    def registry(cls) -> Registry[Any]:
        return FILTERS


def threshold(default: float | None, title: str, description: str = "", **bounds: float) -> Any:
    """A field for a threshold that can be switched off by leaving it empty (None)."""
    return Field(default, title=title, description=description or "Empty switches this rule off.", **bounds)  # type: ignore[call-overload]
