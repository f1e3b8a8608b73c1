"""Capabilities: what lower code needs of a model without knowing where models live (pure).

A protocol says what is needed, `provide` names who does it (`package.module:factory`, called without arguments), and
`capability` builds it when a job asks. The higher app provides; a job of the lower app asks.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from chimera.artefacts import Stored

_PROVIDERS: dict[str, str] = {}


class Embedder(Protocol):
    """Texts to vectors. `name` says model and version; it goes into the manifest of what is made with it."""

    name: str

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, `[len(texts), dimensions]`; equal texts give equal vectors."""


class TokenLoss(Protocol):
    """A trained model that reads texts; a config names one by `Ref[TokenLoss]`."""

    ref_kind: ClassVar[str] = "checkpoint"
    digest: str  # hex sha256 of what it is; goes into the manifest of what is made with it

    @classmethod
    def open(cls, stored: Stored) -> Self: ...

    def bits(self, texts: Sequence[str]) -> list[tuple[float, int]]:
        """Per text `(bits, tokens)`: the negative log2-likelihood of all predicted tokens, and how many there are."""


class ModelTokenizer(Protocol):
    """A trained model whose tokenizer, and chat template if it has one, lie in the folder `path`."""

    ref_kind: ClassVar[str] = "checkpoint"

    @property
    def path(self) -> Path: ...

    @classmethod
    def open(cls, stored: Stored) -> Self: ...


class BandStore(Protocol):
    """Named pieces of bytes that several processes and hosts write and read at once."""

    def append(self, pieces: Mapping[str, bytes]) -> None:
        """Add to the end of each piece; what others add at the same time is not lost. An error: `InputError`."""

    def read(self, names: Sequence[str]) -> list[bytes]:
        """The pieces, empty where nothing was added."""

    def remove(self, names: Sequence[str]) -> None:
        """Forget the pieces."""


def provide(name: str, factory: str) -> None:
    """Say that `factory` (`package.module:function`) makes the capability `name`."""
    _PROVIDERS[name] = factory


def provider(name: str) -> str:
    """Who makes the capability, for another process to be told by `provide`.

    Raises:
        LookupError: nobody provides it.
    """
    if name not in _PROVIDERS:
        raise LookupError(f"no app provides {name!r}")
    return _PROVIDERS[name]


def provided(name: str) -> bool:
    """Whether somebody provides it; what it needs may still be missing on this machine."""
    return name in _PROVIDERS


def capability(name: str) -> Any:
    """Build the capability `name`.

    Raises:
        LookupError: nobody provides it.
    """
    module, _, function = provider(name).partition(":")
    return getattr(importlib.import_module(module), function)()
