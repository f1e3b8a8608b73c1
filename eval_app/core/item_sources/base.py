"""What a source of items is, the registry of sources, and their items as a task is asked them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from chimera.registry import Choice, Registry
from chimera.typed import sha256_json
from curriculum_app.core.benchmarks import Item

EVALUATION_SEEDS = (
    2**31
)  # seeds from here on are for evaluation; those below make training data (data.md of the methods)


class ItemSource:
    """Makes items. Equal settings make equal items in equal order."""

    title: ClassVar[str]

    def items(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """`(id, record)` of every item; a record holds what the task's templates and scorer read."""
        raise NotImplementedError


ITEM_SOURCES: Registry[ItemSource] = Registry("item source", "eval_app.core.item_sources")


class ItemSourceChoice(Choice):
    """A source with its settings, as a task names it."""

    @classmethod
    def registry(cls) -> Registry[Any]:
        return ITEM_SOURCES


@dataclass(frozen=True)
class MadeItems:
    """The items of a source in the form of a benchmark."""

    task: str
    choice: ItemSourceChoice

    @cached_property
    def _items(self) -> list[Item]:
        made = self.choice.build().items()
        return [Item(name, self.task, (str(record.get("question", "")),), record) for name, record in made]

    @property
    def manifest(self) -> dict[str, Any]:
        return {"tasks": {self.task: len(self._items)}}

    @property
    def digest(self) -> str:
        """Hex sha256 of ids and records in order."""
        return sha256_json([[item.id, item.record] for item in self._items])

    def iter_items(self) -> Iterator[Item]:
        return iter(self._items)

    def iter_parts(self) -> Iterator[tuple[str, list[str]]]:
        """`(id, parts)` of every item."""
        return ((item.id, list(item.parts)) for item in self._items)
