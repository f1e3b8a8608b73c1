"""MiniLM: a small trained sentence encoder, where `make models` has installed it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import chimera.typed
from chimera.artefacts import write_json
from chimera.capabilities import Embedder, capability
from chimera.errors import InputError, Problem
from curriculum_app.core.encoders.base import ENCODERS, Encoder, Vectors, require

USED = "model.json"


@ENCODERS.register("minilm")
class MiniLM(Encoder):
    """all-MiniLM-L6-v2: MiniLM (arXiv 2002.10957) trained as Sentence-BERT (arXiv 1908.10084); 384 dimensions.

    Mean over the first 256 tokens. The model is no part of what is saved, its name with the hash of its weights is.
    """

    title = "MiniLM-L6 sentence encoder"
    summary = "Knows meanings, not only words; English. Needs `make models` once, and takes far longer than TF-IDF."

    class Config(chimera.typed.Config):
        pass

    config: Config

    def __init__(self, config: Config) -> None:
        self.config = config
        self._model: Embedder | None = None

    @property
    def name(self) -> str:
        return self._opened().name

    @classmethod
    def missing(cls) -> str:
        try:
            capability("embed")
        except LookupError:
            return "no app of this process provides a sentence encoder"
        except InputError as error:
            return error.problems[0].message
        return ""

    def embed(self, texts: Sequence[str]) -> Vectors:
        return self._opened().embed(texts)

    def _opened(self) -> Embedder:
        if self._model is None:
            require(self)
            self._model = capability("embed")
        return self._model

    def save(self, directory: Path) -> None:
        write_json(directory / USED, {"name": self.name})

    def load(self, directory: Path) -> None:
        wanted = json.loads((directory / USED).read_text(encoding="utf-8"))["name"]
        if self.name != wanted:
            message = f"made with {wanted}, but this machine has {self.name}"
            raise InputError(Problem(message, field="encoder", hint="install the same model"))
