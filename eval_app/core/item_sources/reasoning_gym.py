"""Questions of reasoning-gym by level."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from pydantic import Field

import chimera.typed
from eval_app.core.item_sources.base import EVALUATION_SEEDS, ITEM_SOURCES, ItemSource
from eval_app.core.procedural_items import dataset_of


@ITEM_SOURCES.register("reasoning_gym")
class ReasoningGym(ItemSource):
    """One dataset of reasoning-gym (Stojanovski et al., arXiv 2505.24760) at the levels of its own curriculum."""

    title: ClassVar[str] = "reasoning-gym"

    class Config(chimera.typed.Config):
        dataset: str = Field("chain_sum", title="Dataset", min_length=1, max_length=80)
        levels: int = Field(3, ge=1, le=10, title="Levels", description="From the easiest on")
        per_level: int = Field(10, ge=1, le=1000, title="Items a level")
        seed: int = Field(EVALUATION_SEEDS, ge=EVALUATION_SEEDS, lt=2**32 - 2**20, title="Seed")

    def __init__(self, config: Config) -> None:
        self.config = config

    def items(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        name, size = self.config.dataset, self.config.per_level
        for level in range(self.config.levels):
            seed = self.config.seed + level * size
            for index, entry in enumerate(dataset_of(name, level, size, seed)):
                place = {"dataset": name, "size": size, "seed": seed, "index": index, "verifier": "reasoning_gym"}
                asked = {"question": entry["question"], "answer": str(entry["answer"]), "level": level}
                yield f"{name}-{level}-{seed + index - EVALUATION_SEEDS}", asked | place
