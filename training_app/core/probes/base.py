"""What a probe is and sees. Torch-free: a probe imports torch inside its methods, so that forms can show its config."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from chimera.registry import Registry
from chimera.typed import Config
from training_app.core.metric_keys import MetricKey

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

    from curriculum_app.core.sequences import SequenceTable
    from training_app.core.objectives.base import Objective
    from training_app.core.order import Batch


class ProbeConfig(Config):
    """Base of every probe's config."""

    every: int = Field(50, ge=1, title="Every", description="steps between two measurements")


@dataclass(frozen=True)
class StepView:
    """One step after its backward pass: gradients are complete, not yet clipped, and the weights not yet moved.

    `entropy_N` holds the predictive entropy (nats) of the step's real tokens if a due probe `uses_token_entropy`.
    `probe_BT` is the same small batch of held-out tokens at every step of every run on these sequences. `row_losses`
    (on the CPU) is the loss of each row of `batch`. A probe that wants gradients of its own asks `objective` for the
    loss of a part of the batch and `torch.autograd.grad` for its gradient: that leaves those of the step alone.
    """

    step: int
    model: PreTrainedModel
    entropy_N: Tensor
    probe_BT: Tensor
    batch: Batch
    row_losses: Tensor
    objective: Objective
    table: SequenceTable


class Probe(ABC):
    """A measurement with a cadence. It must change neither weights, gradients nor any random state (tested)."""

    title: ClassVar[str]
    metrics: ClassVar[tuple[MetricKey, ...]]
    uses_token_entropy: ClassVar[bool] = False
    config: ProbeConfig

    @property
    def key(self) -> str:
        """The name it is registered under."""
        return PROBES.key_of(type(self))

    @abstractmethod
    def measure(self, view: StepView) -> dict[str, float]:
        """Values by metric key; every key is declared in `metrics`."""

    def after_update(self, view: StepView) -> dict[str, float]:
        """More values, once the optimizer has moved the weights (gradients are clipped by then)."""
        return {}


PROBES: Registry[Probe] = Registry("probe", "training_app.core.probes")
