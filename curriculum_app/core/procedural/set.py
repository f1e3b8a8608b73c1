"""Every letter once."""

from __future__ import annotations

from curriculum_app.core.procedural.base import GENERATORS, LettersConfig, LettersTask


@GENERATORS.register("set")
class Distinct(LettersTask):
    """The set of a sequence (procedural pre-pretraining, arXiv 2601.21725): `b a b c = b a c`."""

    title = "Set"
    summary = "Letters, and each of them once in the order it first came."

    Config = LettersConfig

    def made(self, letters: list[str]) -> list[str]:
        return list(dict.fromkeys(letters))
