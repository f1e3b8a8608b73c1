"""Items that come with Chimera as a file of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

import chimera.typed
from eval_app.core.item_sources.base import ITEM_SOURCES, ItemSource

FOLDER = Path(__file__).resolve().parents[1] / "tasks" / "items"


@ITEM_SOURCES.register("listed")
class Listed(ItemSource):
    """The records of a bundled file, one JSON object a line, each with an `id`. Chimera's own."""

    title: ClassVar[str] = "Bundled list"

    class Config(chimera.typed.Config):
        file: Literal["refusal_pairs"] = Field("refusal_pairs", title="List")

    def __init__(self, config: Config) -> None:
        self.config = config

    def items(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        with (FOLDER / f"{self.config.file}.jsonl").open(encoding="utf-8") as lines:
            for line in lines:
                record = json.loads(line)
                yield record.pop("id"), record
