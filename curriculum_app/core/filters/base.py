"""What a curation filter is, the registry of them, and how a config chooses one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Self

from pydantic import Field

from chimera.registry import Choice, Registry
from curriculum_app.core.documents import Document


@dataclass(frozen=True)
class Keep:
    """The document goes on, possibly changed. `note` is something to count about it, such as `no_url`."""

    document: Document
    note: str = ""


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
    `strict` turns the comparison with the bound into < or >. `side` says on which side the bound lies, also while it
    is switched off. `field` is empty where no setting holds the bound.
    """

    reason: str
    statistic: float
    field: str
    least: float | None = None
    most: float | None = None
    strict: bool = False
    side: Literal["", "least", "most"] = ""

    @classmethod
    def at_least(cls, reason: str, statistic: float, field: str, bound: float | None, strict: bool = False) -> Self:
        """The document passes if the statistic reaches the bound (strict: exceeds it)."""
        return cls(reason, statistic, field, least=bound, strict=strict, side="least")

    @classmethod
    def at_most(cls, reason: str, statistic: float, field: str, bound: float | None, strict: bool = False) -> Self:
        """The document passes if the statistic does not exceed the bound (strict: stays below it)."""
        return cls(reason, statistic, field, most=bound, strict=strict, side="most")

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


def first_failure(measured: Iterable[Measured]) -> Drop | None:
    """The drop by the first rule that is not passed; what comes after it is not measured."""
    return next((Drop(item.reason, float(item.statistic)) for item in measured if not item.passes), None)


class Filter:
    """One curation step. A filter sees one document at a time and keeps no state between documents.

    A filter is written by its rules (`measure`), by what it changes (`transform`), or both. Only where the two share
    work, or a verdict has no number, does it also write `judge`; it must then agree with them.
    """

    def judge(self, document: Document) -> Keep | Drop:
        """Drop the document by the first rule that it does not pass, or keep it as `transform` gives it."""
        return first_failure(self.measure(document)) or Keep(self.transform(document))

    def measure(self, document: Document) -> Iterator[Measured]:
        """Every rule with a number, in the order in which `judge` asks them; rules that are switched off included.

        Lazily: `judge` takes no more of it than it needs.
        """
        return iter(())

    def transform(self, document: Document) -> Document:
        """The document as it goes on, whether or not a rule speaks against it; an empty text means nothing is left."""
        return document

    def passages(self, document: Document, reason: str) -> list[Span]:
        """Where in the text the rule `reason` sees what speaks against the document; empty if it has no place."""
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
