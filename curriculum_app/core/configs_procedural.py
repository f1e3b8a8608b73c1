"""Config of the kind `procedural` (pure)."""

from __future__ import annotations

from pydantic import Field

from chimera.typed import Config
from curriculum_app.core.procedural.base import GENERATORS, GeneratorChoice


def every_generator() -> list[GeneratorChoice]:
    """All of them at their usual difficulty."""
    return [GeneratorChoice(key=entry.key) for entry in GENERATORS]


class ProceduralConfig(Config):
    """Write strings by programs into a dataset version."""

    name: str = Field("Procedural strings", title="Name", min_length=1, max_length=200)
    generators: list[GeneratorChoice] = Field(
        default_factory=every_generator,
        title="Generators",
        description="They take turns; one may stand here several times, at several difficulties.",
        min_length=1,
    )
    documents: int = Field(2000, title="Documents", description="Strings, one each.", ge=1, le=10_000_000)
    domain: str = Field("procedural", title="Domain", min_length=1, max_length=60)
    license: str = Field(
        "CC0-1.0", title="Licence", description="SPDX name; no person wrote these strings.", max_length=60
    )
    seed: int = Field(0, title="Seed", ge=0, le=2**31 - 1)
