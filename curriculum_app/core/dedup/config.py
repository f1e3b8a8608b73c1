"""Settings of near-duplicate removal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from chimera.typed import Config
from curriculum_app.core.dedup.shingles import LONGEST, Unit

Keep = Literal["direct", "component"]
Engine = Literal["bands", "datasketch"]
Kept = Literal["memory", "redis"]
Exact = Literal["text", "cleaned", "off"]
NOT_DECIDING = frozenset({"engine", "index"})  # about the result
USUAL_LENGTH: Mapping[Unit, int] = {"char": 13, "word": 5}  # SlimPajama's and FineWeb's


class NearDuplicateConfig(Config):
    """Char-13 shingles, 128 permutations, 16 bands of 8 rows, exact Jaccard of at least 0.8."""

    enabled: bool = Field(True, title="Remove near-duplicates")
    threshold: float = Field(0.8, title="Duplicate from", description="Exact Jaccard similarity.", gt=0, le=1)
    shingle_unit: Unit = Field("char", title="Shingles of", description="char: runs of characters; word: of words.")
    shingle_length: int = Field(
        13,
        title="Shingle length",
        description="Characters or words; usual are 13 characters, 5 words.",
        ge=1,
        le=LONGEST,
    )
    num_perm: int = Field(128, title="Permutations", ge=1, le=1024)
    bands: int = Field(16, title="Bands", ge=1)
    rows: int = Field(8, title="Rows per band", ge=1)
    seed: int = Field(1, title="Seed", ge=0, le=2**32 - 1)
    priority: list[str] = Field(
        default_factory=list,
        title="Domains to keep from first",
        description="Of two near-duplicates the one of the earlier domain stays, then the longer one.",
    )

    keep: Keep = Field(
        "direct",
        title="Keep",
        description="direct: a document goes only if it is similar to one that stays; component: of documents linked "
        "by a chain of similar pairs one stays, though the ends of the chain may differ.",
    )
    engine: Engine = Field(
        "bands",
        title="Engine",
        description="Gives the same result either way. bands: sorted band keys, under 0.8 kB a document with all; "
        "datasketch: the library's own tables, about 3 kB more.",
    )
    index: Kept = Field(
        "memory",
        title="Index kept in",
        description="Gives the same result either way. memory: of the one process that searches; redis: the server "
        "that all workers share, filled by all processes of the job. Only with the engine bands.",
    )

    def deciding(self) -> dict[str, Any]:
        """The settings that decide about the result, which are part of a recipe."""
        return self.model_dump(mode="json", exclude=set(NOT_DECIDING))

    @model_validator(mode="before")
    @classmethod
    def _usual_length(cls, values: Any) -> Any:
        """Words without a length are five, so that nobody asks for 13 words by naming only the unit."""
        if isinstance(values, Mapping) and values.get("shingle_unit") == "word":
            return {"shingle_length": USUAL_LENGTH["word"], **values}
        return values

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.bands * self.rows > self.num_perm:
            raise ValueError(f"bands × rows is {self.bands * self.rows}, more than the {self.num_perm} permutations")
        if self.index == "redis" and self.engine != "bands":
            raise ValueError("an index in redis needs the engine bands")
        return self
