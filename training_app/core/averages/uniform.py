"""All checkpoints count the same."""

from __future__ import annotations

from chimera.typed import Config as BaseConfig
from training_app.core.averages.base import AVERAGES, Average


@AVERAGES.register("uniform")
class Uniform(Average):
    """The plain mean: LAWA over the latest checkpoints of a run (Kaddour, arXiv 2209.14981)."""

    title = "Uniform"

    class Config(BaseConfig):
        """Nothing to set."""

    def weights(self, count: int) -> list[float]:
        return [1.0 / count] * count
