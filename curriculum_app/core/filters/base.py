"""What a curation filter is, the registry of them, and how a config chooses one."""

from __future__ import annotations

from abc import ABC, abstractmethod
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


class Filter(ABC):
    """One curation step. A filter sees one document at a time and keeps no state between documents."""

    @abstractmethod
    def judge(self, document: Document) -> Keep | Drop: ...


FILTERS: Registry[Filter] = Registry("filter", "curriculum_app.core.filters")


class FilterChoice(Choice):
    """A filter with its settings, as a recipe names it."""

    @classmethod
    def registry(cls) -> Registry[Any]:
        return FILTERS


def threshold(default: float | None, title: str, description: str = "", **bounds: float) -> Any:
    """A field for a threshold that can be switched off by leaving it empty (None)."""
    return Field(default, title=title, description=description or "Empty switches this rule off.", **bounds)  # type: ignore[call-overload]
