"""The contract of a grouping, the registry of all of them, and how the job `group` prepares those chosen (pure)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np

from chimera.errors import InputError, Problem
from chimera.refs import Ref
from chimera.registry import Choice, Registry
from chimera.typed import Config
from curriculum_app.core.documents import Document
from curriculum_app.core.mixture_curve import Float
from curriculum_app.core.packing import Int

Opener = Callable[[Ref[Any]], Any]
Density = Literal["compression", "surprisal"]

REST = "other"


@dataclass(frozen=True)
class Groups:
    """Names of K groups and, per document, the number of its group. `facts` (JSON) are shown beside them."""

    names: tuple[str, ...]
    of_document: Int  # (D,), 0 ... K - 1
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Corpus:
    """What is known of the documents, one entry per document, when groupings are asked.

    `density(measure)` is how dense each text is: by what zlib leaves of it, or by how rare its tokens are.
    """

    tokens: Int
    num_bytes: Int
    domains: tuple[str, ...]
    domain_of: Int
    difficulty: Groups
    density: Callable[[Density], Float]


class DocumentGrouping(ABC):
    """Sorts documents into groups. `name` is that of the grouping in the sequence table: a letter, then a-z, 0-9, -."""

    title: ClassVar[str]
    summary: ClassVar[str]
    key: ClassVar[str]
    config: Config

    @property
    def name(self) -> str:
        return self.key

    def prepare(self, dataset: str, open_: Opener) -> None:
        """Open what the config names; called first. `dataset` is the digest of the version that is grouped.

        Raises:
            InputError: something is missing, or belongs to another dataset version.
        """
        return None

    def meaning(self) -> dict[str, Any]:
        """The settings as they count for the table's id: artefacts by digest. Call after `prepare`."""
        return self.config.as_json()

    def look(self, document: Document) -> None:
        """Called once for every document, in order, before `assign`."""
        return None

    @abstractmethod
    def assign(self, corpus: Corpus) -> Groups:
        """Every document into exactly one group."""


class LabelGrouping(DocumentGrouping):
    """Groups by a word that each document carries; groups are in alphabetical order.

    Of more than `largest` words the most frequent stay (of equally frequent ones the first), the rest is "other".
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self._numbers: dict[str, int] = {}
        self._labels: list[int] = []

    @property
    def largest(self) -> int | None:
        return None

    @abstractmethod
    def label(self, document: Document) -> str:
        """The document's word."""

    def look(self, document: Document) -> None:
        self._labels.append(self._numbers.setdefault(self.label(document), len(self._numbers)))

    def assign(self, corpus: Corpus) -> Groups:
        words, labels = list(self._numbers), np.array(self._labels, dtype=np.int64)
        counts = Counter({word: int(count) for word, count in zip(words, np.bincount(labels), strict=True)})
        kept = sorted(counts, key=lambda word: (-counts[word], word))[: self.largest]
        joined = len(counts) - len(kept)
        names = sorted({*kept, REST}) if joined else sorted(kept)
        place = np.array([names.index(word if word in kept else REST) for word in words], dtype=np.int64)
        return Groups(tuple(names), place[labels], {"joined": joined} if joined else {})


GROUPINGS: Registry[DocumentGrouping] = Registry("grouping", "curriculum_app.core.groupings")


class GroupingChoice(Choice):
    """A grouping with its settings, as a config names it."""

    @classmethod
    def registry(cls) -> Registry[Any]:
        return GROUPINGS


def default_groupings() -> list[GroupingChoice]:
    """What pools are drawn by and policies speak of."""
    return [GroupingChoice(key="domain"), GroupingChoice(key="difficulty")]


def prepared(choices: Sequence[GroupingChoice], dataset: str, open_: Opener) -> list[DocumentGrouping]:
    """The chosen groupings, ready to look at documents.

    Raises:
        InputError: one cannot be used with this dataset version, or two have one name; fields begin with `groupings`.
    """
    found: list[DocumentGrouping] = []
    for number, choice in enumerate(choices):
        grouping: DocumentGrouping = choice.build()
        try:
            grouping.prepare(dataset, open_)
        except InputError as error:
            raise _at(number, error) from error
        if grouping.name in [other.name for other in found]:
            message = f"there is a grouping {grouping.name!r} already"
            raise InputError(Problem(message, field=f"groupings.{number}", hint="take one of them out"))
        found.append(grouping)
    return found


def _at(number: int, error: InputError) -> InputError:
    moved = [
        Problem(item.message, f"groupings.{number}.config.{item.field}", item.file, item.line, item.hint)
        for item in error.problems
    ]
    return InputError(moved)
