"""What a probe is and sees. Torch-free: a probe imports torch inside its methods, so that forms can show its config."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from chimera.registry import Registry
from chimera.typed import Config
from training_app.core.metric_keys import MetricKey

if TYPE_CHECKING:
    from torch import Tensor
    from torch.optim import Optimizer
    from transformers import PreTrainedModel

    from curriculum_app.core.sequences import SequenceTable
    from training_app.core.fed import Fed
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
    (on the CPU) is the loss of each row of `batch`, `fed` all rows of the run up to here. `gradient_of` gives the
    gradient of a part of the batch, one tensor per trained weight, and leaves those of the step alone. `shared` is for
    what several probes of one step compute from the same things.
    """

    step: int
    model: PreTrainedModel
    entropy_N: Tensor
    probe_BT: Tensor
    batch: Batch
    row_losses: Tensor
    objective: Objective
    table: SequenceTable
    optimizer: Optimizer
    fed: Fed
    gradient_of: Callable[[Batch], list[Tensor]]
    shared: dict[Any, Any] = field(default_factory=dict)


class Probe(ABC):
    """A measurement with a cadence. It must change neither weights, gradients nor any random state (tested)."""

    title: ClassVar[str]
    metrics: ClassVar[tuple[MetricKey, ...]]
    uses_token_entropy: ClassVar[bool] = False
    of_the_machine: ClassVar[bool] = False  # its values are of the process, and differ between two equal runs
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

    def state_dict(self) -> dict[str, float]:
        """What it must remember of earlier steps; comes back bit for bit when a killed run goes on."""
        return {}

    def load_state_dict(self, state: dict[str, float]) -> None:
        """Remember what `state_dict` gave."""
        return None


PROBES: Registry[Probe] = Registry("probe", "training_app.core.probes")
