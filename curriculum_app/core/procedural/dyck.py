"""Balanced brackets of several types."""

from __future__ import annotations

from random import Random

from pydantic import Field, field_validator

import chimera.typed
from curriculum_app.core.procedural.base import GENERATORS, LETTERS, Generator

PAIRS = ["()", "[]", "{}", "<>", *(letter + letter.upper() for letter in LETTERS)]
OPENED = {pair[0]: number for number, pair in enumerate(PAIRS)}
CLOSED = {pair[1]: number for number, pair in enumerate(PAIRS)}


@GENERATORS.register("dyck")
class Dyck(Generator):
    """Strings of the k-Dyck language of bounded depth (procedural pre-pretraining, arXiv 2601.21725).

    With |open| = what is left, close. Else open a uniform type if nothing is open, or if the depth allows it and a coin
    says so; else close. So every string is balanced and has exactly its length.
    """

    title = "k-Dyck"
    summary = "Balanced brackets of k types, nested up to a depth."

    class Config(chimera.typed.Config):
        types: int = Field(3, title="Types of brackets", description="k; from the fifth on a A, b B ...", ge=1, le=30)
        length: int = Field(64, title="Length", description="Symbols; an even number.", ge=2, le=4096)
        depth: int = Field(8, title="Depth", description="Brackets open at once, at most.", ge=1, le=1024)

        @field_validator("length")
        @classmethod
        def _even(cls, length: int) -> int:
            if length % 2:
                raise ValueError("must be even: every bracket that opens closes")
            return length

    config: Config

    def sample(self, random: Random) -> str:
        chosen, symbols, opened = self.config, list[str](), list[int]()
        while len(symbols) < chosen.length:
            full = len(opened) >= min(chosen.length - len(symbols), chosen.depth)
            if opened and (full or random.random() >= 0.5):
                symbols.append(PAIRS[opened.pop()][1])
            else:
                opened.append(random.randrange(chosen.types))
                symbols.append(PAIRS[opened[-1]][0])
        return " ".join(symbols)

    def fault(self, text: str) -> str:
        symbols, opened = text.split(" "), list[int]()
        if len(symbols) != self.config.length:
            return f"has {len(symbols)} symbols, not {self.config.length}"
        for place, symbol in enumerate(symbols):
            kind = OPENED.get(symbol, CLOSED.get(symbol, len(PAIRS)))
            if kind >= self.config.types:
                return f"holds {symbol!r}"
            if symbol in OPENED:
                opened.append(kind)
            elif not opened or opened.pop() != kind:
                return f"closes what is not open at symbol {place + 1}"
            if len(opened) > self.config.depth:
                return f"is deeper than {self.config.depth} at symbol {place + 1}"
        return "leaves brackets open" if opened else ""
