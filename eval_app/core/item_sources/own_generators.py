"""Questions that Chimera's own generators ask, by level."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from pydantic import Field

import chimera.typed
from curriculum_app.core.procedural.base import GeneratorChoice
from eval_app.core.item_sources.base import EVALUATION_SEEDS, ITEM_SOURCES, ItemSource
from eval_app.core.procedural_items import own_string


def _copying() -> list[GeneratorChoice]:
    return [GeneratorChoice(key="identity", config={"length": length}) for length in (2, 4, 8)]


@ITEM_SOURCES.register("own_generators")
class OwnGenerators(ItemSource):
    """One generator per level, the easiest first. Chimera's own: the strings of procedural warm-up (arXiv 2601.21725)
    asked as questions, with other seeds than those that make training data."""

    title: ClassVar[str] = "Chimera's generators"

    class Config(chimera.typed.Config):
        levels: list[GeneratorChoice] = Field(
            default_factory=_copying, title="Levels", description="The easiest first", min_length=1, max_length=10
        )
        per_level: int = Field(10, ge=1, le=1000, title="Items a level")
        seed: int = Field(EVALUATION_SEEDS, ge=EVALUATION_SEEDS, lt=2**32, title="Seed")

    def __init__(self, config: Config) -> None:
        self.config = config

    def items(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for level, choice in enumerate(self.config.levels):
            how = {"verifier": "own", "generator": choice.key, "settings": json.dumps(choice.config), "level": level}
            for index in range(self.config.per_level):
                question, answer = own_string(choice, f"{self.config.seed}/{level}/{index}")
                name = f"{choice.key}-{level}-{self.config.seed - EVALUATION_SEEDS}-{index}"
                yield name, {"question": question, "answer": answer, **how}
