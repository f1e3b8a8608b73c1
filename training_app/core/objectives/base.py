"""What an objective is: how rows of a schedule become a batch, and a batch a loss (torch-free until used).

Tensor names end in their shape: B rows of a batch, T positions, N = B·T.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from chimera.registry import Registry
from chimera.typed import Config
from training_app.core.metric_keys import MetricKey

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

    from curriculum_app.core.sequences import SequenceTable
    from training_app.core.order import Arrays, Batch, Rows


@dataclass(frozen=True)
class StepLoss:
    """The loss of a batch or of a part of one.

    `loss` is a scalar: this part's share of the mean over the whole step, so that the parts' losses and gradients add
    up. `row_losses` holds the mean loss of each row (nats per target, or per pair), `entropy_N` the
    predictive entropies (nats) of the real tokens if asked for, `values` more series of the objective by metric key
    (means over the rows of this part).
    """

    loss: Tensor
    row_losses: Tensor
    entropy_N: Tensor
    values: dict[str, float] = field(default_factory=dict)


class Objective(ABC):
    """A loss over batches of a sequence table. It must not depend on anything but model, batch and config."""

    title: ClassVar[str]
    metrics: ClassVar[tuple[MetricKey, ...]] = ()
    Config: ClassVar[type[Config]]

    def __init__(self, config: Any) -> None:
        self.config = config

    def require(self, table: SequenceTable) -> None:
        """Check that the sequences hold what this objective needs.

        Raises:
            InputError: they do not; says which they should be.
        """
        return None

    def prepare(self, model: PreTrainedModel) -> None:
        """Called once before the first step with the model as it starts (a preference objective keeps a reference)."""
        return None

    @abstractmethod
    def collate(self, rows: Rows, table: SequenceTable) -> Arrays:
        """The arrays of a batch: exactly the tokens that `rows` name."""

    def total(self, rows: Rows, arrays: Arrays) -> float:
        """What the sum over a whole step is divided by to be its mean: the weights of all targets."""
        return float(arrays.weights.sum(dtype=np.float64))

    def fed(self, index: int, rows: Rows, arrays: Arrays) -> NDArray[np.int64]:
        """The tokens of row `index` read back out of the arrays, as the sequence table holds them.

        They are hashed and compared with the plan at the end of the run: whatever `collate` did, the model got these.
        """
        return arrays.tokens_of(index)

    @abstractmethod
    def loss(self, model: PreTrainedModel, batch: Batch, *, with_entropy: bool) -> StepLoss:
        """The loss of `batch`, with a graph to the weights."""


OBJECTIVES: Registry[Objective] = Registry("objective", "training_app.core.objectives")
