"""What decides which weights move (torch-free until it is applied)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from chimera.registry import Registry
from chimera.typed import Config

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Adapter(ABC):
    """Freezes a model and adds what is trained in the place of its weights, or leaves it as it is."""

    title: ClassVar[str]
    needs_base: ClassVar[bool] = True
    Config: ClassVar[type[Config]]

    def __init__(self, config: Any) -> None:
        self.config = config

    @abstractmethod
    def apply(self, model: PreTrainedModel) -> None:
        """Change `model` in place; parameters that need no gradient afterwards never move.

        Raises:
            InputError: the model has no such layers.
        """


ADAPTERS: Registry[Adapter] = Registry("adapter", "training_app.core.adapters")
