"""What the weights of an average are (pure, torch-free)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from chimera.registry import Choice, Registry
from chimera.typed import Config


class Average(ABC):
    """Weights of checkpoints by their place in the run."""

    title: ClassVar[str]
    Config: ClassVar[type[Config]]

    def __init__(self, config: Any) -> None:
        self.config = config

    @abstractmethod
    def weights(self, count: int) -> list[float]:
        """One weight for each of `count` checkpoints, the oldest first; their sum is 1."""


AVERAGES: Registry[Average] = Registry("average", "training_app.core.averages")


class AverageChoice(Choice):
    """The weights of an average."""

    @classmethod
    def registry(cls) -> Registry[Any]:
        return AVERAGES
