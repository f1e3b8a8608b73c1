"""The contract of an encoder, the registry of all of them, and how a fitted one is kept beside what it made (pure)."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from chimera.artefacts import write_json
from chimera.errors import InputError, Problem
from chimera.registry import Choice, Registry
from chimera.typed import Config

Vectors = NDArray[np.float32]

DESCRIPTION = "encoder.json"


class Encoder(ABC):
    """Texts to vectors of length one, so that a dot product is a cosine. Nothing is ever pickled.

    Built as `cls(config)`, cheaply: what is large is read at the first `embed`.
    """

    title: ClassVar[str]
    config: Config

    @property
    @abstractmethod
    def name(self) -> str:
        """Method, model and version; it goes into the manifest of what is made with it. Call after `fit`."""

    @classmethod
    def missing(cls) -> str:
        """What it lacks on this machine and what to do about it; empty when it can be used."""
        return ""

    def fit(self, texts: Iterable[str]) -> None:
        """Learn from a sample of texts, read once; a trained model has nothing to learn.

        Raises:
            InputError: the sample is too small or empty.
        """
        for _ in texts:
            return

    @abstractmethod
    def embed(self, texts: Sequence[str]) -> Vectors:
        """Rows of length one, `[len(texts), dimensions]`; equal calls give equal rows.

        Raises:
            InputError: it needs something that is not on this machine.
        """

    @abstractmethod
    def save(self, directory: Path) -> None:
        """Write what was learned as npz (no objects), safetensors or JSON into an existing directory."""

    @abstractmethod
    def load(self, directory: Path) -> None:
        """Read what `save` wrote.

        Raises:
            InputError: this machine has another model than the one it was saved with.
        """


ENCODERS: Registry[Encoder] = Registry("encoder", "curriculum_app.core.encoders")


class EncoderChoice(Choice):
    """An encoder with its settings, as a config names it."""

    @classmethod
    def registry(cls) -> Registry[Any]:
        return ENCODERS


def best_available() -> EncoderChoice:
    """The sentence encoder where `make models` has installed it, else what needs no model."""
    return EncoderChoice(key="tfidf_svd" if ENCODERS.get("minilm").cls.missing() else "minilm")


def save_encoder(choice: EncoderChoice, encoder: Encoder, directory: Path) -> None:
    """Keep a fitted encoder so that `load_encoder` gives the same vectors."""
    directory.mkdir(parents=True, exist_ok=True)
    write_json(directory / DESCRIPTION, {**choice.as_json(), "name": encoder.name})
    encoder.save(directory)


def load_encoder(directory: Path) -> Encoder:
    """The encoder that `save_encoder` wrote.

    Raises:
        InputError: this machine lacks its model, or has another one.
    """
    said = json.loads((directory / DESCRIPTION).read_text(encoding="utf-8"))
    encoder: Encoder = EncoderChoice(key=said["key"], config=said["config"]).build()
    encoder.load(directory)
    return encoder


def unit_rows(rows: NDArray[Any]) -> Vectors:
    """Each row divided by its length; rows of zeros stay."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(lengths > 0, lengths, 1), dtype=np.float32)


def require(encoder: Encoder) -> None:
    """Raise InputError when `encoder` cannot be used on this machine."""
    if said := encoder.missing():
        hint = "run `make models` on every machine with workers, or choose tfidf_svd"
        raise InputError(Problem(said, field="encoder", hint=hint))
