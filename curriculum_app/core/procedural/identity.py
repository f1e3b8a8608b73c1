"""The same again."""

from __future__ import annotations

from random import Random

from pydantic import Field

import chimera.typed
from curriculum_app.core.procedural.base import GENERATORS, LETTERS, Task


@GENERATORS.register("identity")
class Identity(Task):
    """Identity and copying (procedural pre-pretraining, arXiv 2601.21725): `c a b = c a b`."""

    title = "Copying"
    summary = "Letters, and the same letters again, once or several times."

    class Config(chimera.typed.Config):
        symbols: int = Field(26, title="Symbols", description="Different letters.", ge=2, le=26)
        length: int = Field(16, title="Length", description="Letters to begin with.", ge=1, le=4096)
        copies: int = Field(1, title="Copies", description="How often it is written again.", ge=1, le=64)

    config: Config

    def question(self, random: Random) -> list[str]:
        return [LETTERS[random.randrange(self.config.symbols)] for _ in range(self.config.length)]

    def answer(self, question: list[str]) -> list[str]:
        self.check(question, LETTERS[: self.config.symbols], self.config.length)
        return question * self.config.copies
