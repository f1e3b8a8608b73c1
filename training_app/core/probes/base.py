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


class ProbeConfig(Config):
    """Base of every probe's config."""

    every: int = Field(50, ge=1, title="Every", description="steps between two measurements")


@dataclass(frozen=True)
class StepView:
    """One step after its backward pass: gradients are complete, not yet clipped, and the weights not yet moved.

    `entropy_N` holds the predictive entropy (nats) of the step's real tokens if a due probe `uses_token_entropy`.
    `probe_BT` is the same small batch of held-out tokens at every step of every run on these sequences.
    """

    step: int
    model: PreTrainedModel
    entropy_N: Tensor
    probe_BT: Tensor


class Probe(ABC):
    """A measurement with a cadence. It must change neither weights, gradients nor any random state (tested)."""

    title: ClassVar[str]
    metrics: ClassVar[tuple[MetricKey, ...]]
    uses_token_entropy: ClassVar[bool] = False
    config: ProbeConfig

    @abstractmethod
    def measure(self, view: StepView) -> dict[str, float]:
        """Values by metric key; every key is declared in `metrics`."""


PROBES: Registry[Probe] = Registry("probe", "training_app.core.probes")
