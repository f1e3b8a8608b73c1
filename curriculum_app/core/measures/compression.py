"""How much of a document is repetition, as a compressor sees it."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field, model_validator

import chimera.typed
from curriculum_app.core.difficulty.compression import LARGEST_LEVEL, Codec, compression_ratio
from curriculum_app.core.documents import Document
from curriculum_app.core.measures.base import MEASURES, Measure, each
from curriculum_app.core.mixture_curve import Float


@MEASURES.register("compression")
class Compression(Measure):
    """UTF-8 bytes before over bytes after compression; higher is more redundant, thus easier.

    Chimera's own choice of zlib 9 as default, the ratio by which documents are grouped too. Below about 200 bytes the
    fixed cost of the format decides more than the text, so such texts have a low ratio whatever they say.
    """

    title = "Compression ratio"
    unit = "bytes per compressed byte"
    direction = "easier"

    class Config(chimera.typed.Config):
        codec: Codec = Field("zlib", title="Compressor")
        level: int = Field(9, title="Level", description="zlib 1 to 9, zstd 1 to 22.", ge=1, le=22)

        @model_validator(mode="after")
        def _level_exists(self) -> Compression.Config:
            if self.level > LARGEST_LEVEL[self.codec]:
                raise ValueError(f"{self.codec} has levels up to {LARGEST_LEVEL[self.codec]}")
            return self

    def __init__(self, config: Config) -> None:
        self.config = config

    def values(self, documents: Sequence[Document]) -> Float:
        codec, level = self.config.codec, self.config.level
        return each(lambda document: compression_ratio(document.text, codec, level), documents)
