"""The cellular automaton Rule 110."""

from __future__ import annotations

from random import Random

from pydantic import Field

import chimera.typed
from curriculum_app.core.procedural.base import GENERATORS, Generator

RULE, NEXT = 110, ";"


@GENERATORS.register("rule_110")
class Rule110(Generator):
    """Generations of Rule 110 on a ring (Wolfram 1983; as procedural pre-pretraining, arXiv 2601.21725).

    A cell becomes bit 4 · left + 2 · itself + right of the number 110: `0 0 0 1 ; 0 0 1 1`. The first is random.
    """

    title = "Rule 110"
    summary = "Rows of a cellular automaton that can compute anything; each follows from the row before."

    class Config(chimera.typed.Config):
        width: int = Field(24, title="Width", description="Cells of the ring.", ge=3, le=256)
        steps: int = Field(8, title="Steps", description="Rows after the first.", ge=1, le=256)

    config: Config

    def sample(self, random: Random) -> str:
        rows = [[random.randrange(2) for _ in range(self.config.width)]]
        for _ in range(self.config.steps):
            rows.append(following(rows[-1]))
        return f" {NEXT} ".join(" ".join(map(str, row)) for row in rows)

    def fault(self, text: str) -> str:
        rows = [row.split(" ") for row in text.split(f" {NEXT} ")]
        if len(rows) != self.config.steps + 1:
            return f"has {len(rows)} rows, not {self.config.steps + 1}"
        for number, row in enumerate(rows):
            if len(row) != self.config.width or not {"0", "1"} >= set(row):
                return f"row {number + 1} is not {self.config.width} cells of 0 and 1"
        cells = [list(map(int, row)) for row in rows]
        wrong = [at + 2 for at in range(self.config.steps) if following(cells[at]) != cells[at + 1]]
        return f"row {wrong[0]} does not follow from the row before" if wrong else ""


def following(row: list[int]) -> list[int]:
    """The next generation."""
    left, right = [row[-1], *row[:-1]], [*row[1:], row[0]]
    return [RULE >> (4 * a + 2 * b + c) & 1 for a, b, c in zip(left, row, right, strict=True)]
