"""What a measure of documents is, the registry of them, and how a config chooses one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, ClassVar, Literal

import numpy as np

from chimera.errors import Problem
from chimera.refs import Ref
from chimera.registry import Choice, Registry
from curriculum_app.core.documents import Document
from curriculum_app.core.mixture_curve import Float
from curriculum_app.core.packing import Int
from curriculum_app.core.words import split_words

Direction = Literal["harder", "easier", "better", "neither"]
TOGETHER = 16  # documents that are measured at a time, so that their words are cut once for all measures


class Measure(ABC):
    """One number per document. A measure sees documents one by one: neither their order nor their company matters.

    `direction` says what a higher number means. `revision` is raised whenever equal settings come to give other
    numbers, so that stored columns are not used again. `unit` and `direction` may depend on the settings.
    """

    title: ClassVar[str]
    unit: str = ""
    direction: Direction = "neither"
    revision: ClassVar[int] = 1

    @abstractmethod
    def values(self, documents: Sequence[Document]) -> Float:
        """Shape (n,): a number per document, NaN where the measure says nothing about it."""

    def problems(self) -> list[Problem]:
        """What must still be said in its config before it can measure."""
        return []


class CorpusMeasure(Measure):
    """A measure that compares a document with the whole dataset version: all documents are counted first."""

    @abstractmethod
    def count(self, documents: Sequence[Document]) -> Int:
        """Shape (k,), non-negative; the counts of several batches are added up."""

    @abstractmethod
    def learn(self, total: Int) -> None:
        """Take the counts of the whole version; `values` may be called after that."""


class ModelMeasure(Measure):
    """A measure that asks a stored model. It runs in the process of the job, which may load torch."""

    @abstractmethod
    def attach(self, open_ref: Callable[[Ref[Any]], Any]) -> dict[str, str]:
        """Open what the config names; `values` may be called after that. Returns field → digest of what it names."""


MEASURES: Registry[Measure] = Registry("measure", "curriculum_app.core.measures")


class MeasureChoice(Choice):
    """A measure with its settings."""

    @classmethod
    def registry(cls) -> Registry[Any]:
        return MEASURES

    @property
    def column(self) -> str:
        """The name of its column: the key, with the settings that differ from the defaults, as `length(of=words)`."""
        changed = self._changed()
        return f"{self.key}({', '.join(f'{name}={value}' for name, value in changed.items())})" if changed else self.key

    @property
    def column_title(self) -> str:
        """The title of the measure and the settings that differ from the defaults."""
        said = [str(value) for value in self._changed().values()]
        return ", ".join([MEASURES.get(self.key).title, *said])

    def _changed(self) -> dict[str, Any]:
        defaults = MEASURES.get(self.key).config().as_json()
        return {name: value for name, value in sorted(self.config.items()) if value != defaults[name]}


@lru_cache(maxsize=2 * TOGETHER)
def words_of(text: str) -> tuple[str, ...]:
    """The words of a text in lower case, without punctuation; the last few texts are remembered."""
    return tuple(word.lower() for word in split_words(text, "regex") if word[0].isalnum())


def each(function: Callable[[Document], float], documents: Sequence[Document]) -> Float:
    """Shape (n,): a function of one document, for each."""
    return np.fromiter((function(document) for document in documents), np.float64, len(documents))
