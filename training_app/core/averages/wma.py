"""Later checkpoints count more, in a straight line."""

from __future__ import annotations

from chimera.typed import Config as BaseConfig
from training_app.core.averages.base import AVERAGES, Average


@AVERAGES.register("wma")
class Linear(Average):
    """Weights 1, 2, 3 … from the oldest to the newest: the WMA of curriculum model averaging (arXiv 2511.18903)."""

    title = "Linear (WMA)"

    class Config(BaseConfig):
        """Nothing to set."""

    def weights(self, count: int) -> list[float]:
        total = count * (count + 1) // 2
        return [place / total for place in range(1, count + 1)]
