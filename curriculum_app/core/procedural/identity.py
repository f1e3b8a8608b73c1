"""The same again."""

from __future__ import annotations

from pydantic import Field

from curriculum_app.core.procedural.base import GENERATORS, LettersConfig, LettersTask


@GENERATORS.register("identity")
class Identity(LettersTask):
    """Identity and copying (procedural pre-pretraining, arXiv 2601.21725): `c a b = c a b`."""

    title = "Copying"
    summary = "Letters, and the same letters again, once or several times."

    class Config(LettersConfig):
        copies: int = Field(1, title="Copies", description="How often it is written again.", ge=1, le=64)

    config: Config

    def made(self, letters: list[str]) -> list[str]:
        return letters * self.config.copies
