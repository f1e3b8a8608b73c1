"""How well a trained model predicts a document."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from pydantic import Field

import chimera.typed
from chimera.capabilities import TokenLoss
from chimera.errors import Problem
from chimera.refs import Ref
from curriculum_app.core.documents import Document
from curriculum_app.core.measures.base import MEASURES, ModelMeasure
from curriculum_app.core.mixture_curve import Float


@MEASURES.register("reference_perplexity")
class ReferencePerplexity(ModelMeasure):
    """Bits per byte, or perplexity per token, under a checkpoint (Wenzek et al. 2019, arXiv 1911.00359: CCNet).

    Bits per byte can be compared between models with other tokenizers, perplexity cannot. Higher is harder for this
    model; text the model was trained on is easy for it, which is why the checkpoint is part of the column's name.
    An empty text has no value.
    """

    title = "Loss of a reference model"
    direction = "harder"

    class Config(chimera.typed.Config):
        checkpoint: Ref[TokenLoss] | None = Field(None, title="Checkpoint", description="The model that is asked.")
        of: Literal["bits_per_byte", "perplexity"] = Field("bits_per_byte", title="Number")

    def __init__(self, config: Config) -> None:
        self.config = config
        self.unit = "bits per byte" if config.of == "bits_per_byte" else "per token"
        self._model: TokenLoss | None = None

    def problems(self) -> list[Problem]:
        if self.config.checkpoint is not None:
            return []
        return [Problem("names no checkpoint", "checkpoint", hint="choose the model that is asked")]

    def attach(self, open_ref: Callable[[Ref[Any]], Any]) -> dict[str, str]:
        assert self.config.checkpoint is not None, "see problems()"
        self._model = open_ref(self.config.checkpoint)
        return {"checkpoint": self._model.digest}

    def values(self, documents: Sequence[Document]) -> Float:
        assert self._model is not None, "the checkpoint is opened first"
        found = self._model.bits([document.text for document in documents])
        bits = np.array([item[0] for item in found])
        tokens = np.array([item[1] for item in found], dtype=np.float64)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            if self.config.of == "perplexity":
                return np.asarray(np.exp2(bits / tokens), dtype=np.float64)
            sizes = np.array([document.num_bytes for document in documents], dtype=np.float64)
            return np.asarray(np.where(tokens > 0, bits / sizes, np.nan), dtype=np.float64)
