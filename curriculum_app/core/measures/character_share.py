"""Which part of a document's characters is of one kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from pydantic import Field

import chimera.typed
from curriculum_app.core.documents import Document
from curriculum_app.core.measures.base import MEASURES, Measure, each
from curriculum_app.core.mixture_curve import Float

Kind = Literal["letters", "digits", "capitals", "other"]


@MEASURES.register("character_share")
class CharacterShare(Measure):
    """Share of letters, digits, capitals or other signs among the characters that are no white space.

    The idea is that of Gopher's symbol rules (Rae et al. 2021, arXiv 2112.11446), here as a number and not as a rule.
    """

    title = "Share of characters"
    unit = "share"

    class Config(chimera.typed.Config):
        of: Kind = Field("letters", title="Kind", description="Other: neither letter nor digit.")

    def __init__(self, config: Config) -> None:
        self._is_one = TESTS[config.of]

    def values(self, documents: Sequence[Document]) -> Float:
        return each(self._share, documents)

    def _share(self, document: Document) -> float:
        visible = "".join(document.text.split())
        return sum(map(self._is_one, visible)) / len(visible) if visible else float("nan")


def _is_other(character: str) -> bool:
    return not character.isalnum()


TESTS: dict[Kind, Callable[[str], bool]] = {
    "letters": str.isalpha,
    "digits": str.isdigit,
    "capitals": str.isupper,
    "other": _is_other,
}
