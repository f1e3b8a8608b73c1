"""Letters in order."""

from __future__ import annotations

from curriculum_app.core.procedural.base import GENERATORS, LettersConfig, LettersTask


@GENERATORS.register("sort")
class Sort(LettersTask):
    """Sorting (procedural pre-pretraining, arXiv 2601.21725): `c a b a = a a b c`."""

    title = "Sorting"
    summary = "Letters, and the same letters in alphabetical order."

    Config = LettersConfig

    def made(self, letters: list[str]) -> list[str]:
        return sorted(letters)
