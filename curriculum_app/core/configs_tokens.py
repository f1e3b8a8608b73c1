"""Config of the job `count-tokens`."""

from __future__ import annotations

from pydantic import Field

from chimera.refs import Ref
from chimera.typed import Config
from curriculum_app.core.dataset_version import DatasetVersion
from curriculum_app.core.sequences import SequenceTable
from curriculum_app.core.token_counts import TOKENS_PER_IMAGE


class CountTokensConfig(Config):
    """Count the tokens of a dataset version, of what it was made from, and of what was dropped on the way."""

    dataset: Ref[DatasetVersion] = Field(title="Dataset version")
    tokenizers: list[Ref[SequenceTable]] = Field(
        default=[],
        title="Tokenizers",
        description="Those of these sequence sets. Left out of the config: of every sequence set of the project.",
        json_schema_extra={"left_out": "every"},
    )
    tokens_per_image: int = Field(
        TOKENS_PER_IMAGE, title="Tokens of an image", description="What an image stands for.", ge=0, le=1_000_000
    )
