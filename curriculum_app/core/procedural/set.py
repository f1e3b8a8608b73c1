"""Every letter once."""

from __future__ import annotations

from random import Random

from pydantic import Field

import chimera.typed
from curriculum_app.core.procedural.base import GENERATORS, LETTERS, Task


@GENERATORS.register("set")
class Distinct(Task):
    """The set of a sequence (procedural pre-pretraining, arXiv 2601.21725): `b a b c = b a c`."""

    title = "Set"
    summary = "Letters, and each of them once in the order it first came."

    class Config(chimera.typed.Config):
        symbols: int = Field(26, title="Symbols", description="Different letters.", ge=2, le=26)
        length: int = Field(16, title="Length", description="Letters to begin with.", ge=1, le=4096)

    config: Config

    def question(self, random: Random) -> list[str]:
        return [LETTERS[random.randrange(self.config.symbols)] for _ in range(self.config.length)]

    def answer(self, question: list[str]) -> list[str]:
        self.check(question, LETTERS[: self.config.symbols], self.config.length)
        return list(dict.fromkeys(question))
