"""Config of the kind `cluster` (pure; nothing heavy is imported)."""

from __future__ import annotations

import math

from pydantic import Field

from chimera.refs import Ref
from chimera.typed import Config
from curriculum_app.core.dataset_version import DatasetVersion
from curriculum_app.core.encoders.base import EncoderChoice, best_available

FEWEST, MOST = 4, 64


def usual_number(documents: int) -> int:
    """The square root of half the documents, between 4 and 64: a rule of thumb (Mardia et al. 1979), no truth."""
    return min(documents, max(FEWEST, min(MOST, round(math.sqrt(documents / 2)))))


class ClusterConfig(Config):
    """Embed every document and find clusters of similar ones."""

    name: str = Field(title="Name", min_length=1, max_length=120)
    dataset: Ref[DatasetVersion] = Field(title="Dataset version")
    encoder: EncoderChoice = Field(
        default_factory=best_available,
        title="Encoder",
        description="What turns a text into a vector. MiniLM is chosen where make models has installed it.",
    )
    clusters: int | None = Field(
        None,
        title="Clusters",
        description="Empty: the square root of half the documents, between 4 and 64.",
        ge=2,
        le=4096,
    )
    sample: int = Field(
        50_000,
        title="Sample",
        description="Documents, drawn at random, from which encoder and centres are learned; all are assigned.",
        ge=10,
        le=1_000_000,
    )
    iterations: int = Field(25, title="Iterations", description="Of k-means, per start.", ge=1, le=200)
    restarts: int = Field(3, title="Starts", description="The best of so many is kept.", ge=1, le=20)
    seed: int = Field(0, title="Seed", ge=0, le=2**31 - 2)
