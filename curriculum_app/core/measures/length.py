"""How long a document is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

import chimera.typed
from curriculum_app.core.documents import Document
from curriculum_app.core.measures.base import MEASURES, Measure, each, words_of
from curriculum_app.core.mixture_curve import Float


@MEASURES.register("length")
class Length(Measure):
    """Length of the text; longer counts as harder (Platanios et al. 2019, arXiv 1903.09848: sentence length)."""

    title = "Length"
    direction = "harder"

    class Config(chimera.typed.Config):
        of: Literal["characters", "words", "bytes"] = Field(
            "characters", title="Counted in", description="Words without punctuation; bytes of UTF-8."
        )

    def __init__(self, config: Config) -> None:
        self.unit = config.of
        self._count = {"characters": _characters, "words": _words, "bytes": _bytes}[config.of]

    def values(self, documents: Sequence[Document]) -> Float:
        return each(self._count, documents)


def _characters(document: Document) -> int:
    return len(document.text)


def _words(document: Document) -> int:
    return len(words_of(document.text))


def _bytes(document: Document) -> int:
    return document.num_bytes
