"""All weights move."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera.typed import Config as BaseConfig
from training_app.core.adapters.base import ADAPTERS, Adapter

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@ADAPTERS.register("none")
class NoAdapter(Adapter):
    """Full training: every weight moves. Chimera's own name for the absence of an adapter."""

    title = "None, train all weights"
    needs_base = False

    class Config(BaseConfig):
        """Nothing to set."""

    def apply(self, model: PreTrainedModel) -> None:
        return None
