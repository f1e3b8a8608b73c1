"""How the weights use the directions they have: entropy of their spectra."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from training_app.core.metric_keys import MetricKey
from training_app.core.probes.base import PROBES, Probe, ProbeConfig, StepView

if TYPE_CHECKING:
    from torch import Tensor

SATURATED_SHARE, SATURATED_ENTROPY = 0.95, 0.1


@dataclass(frozen=True)
class Spectrum:
    """Measures of the singular values σ of one matrix; with p = σ²/Σσ².

    `entropy` is −Σ p ln p (nats), `normalised` the same over ln of the smaller side, `top_share` the largest p.
    `effective_rank` is exp of the entropy of σ/Σσ (Roy & Vetterli 2007), `participation` (Σσ²)² / Σσ⁴.
    """

    entropy: float
    normalised: float
    top_share: float
    effective_rank: float
    participation: float

    @property
    def saturated(self) -> bool:
        """One direction has nearly everything."""
        return self.top_share > SATURATED_SHARE or self.normalised < SATURATED_ENTROPY


def spectrum(matrix: Tensor) -> Spectrum | None:
    """The measures of a matrix, in float32 whatever its own precision; None for a zero matrix.

    diag(3, 4): entropy .6534182, normalised .9426832, effective rank 1.9796263, participation 1.8545994, top .64.
    """
    import torch

    m = matrix.detach().float()
    largest = m.abs().max()
    if not bool(largest > 0):
        return None
    m = m / largest
    squares = torch.linalg.eigvalsh(m @ m.T if m.shape[0] <= m.shape[1] else m.T @ m).double().clamp(min=0)
    p, q = squares / squares.sum(), squares.sqrt() / squares.sqrt().sum()
    entropy = float(-torch.xlogy(p, p).sum())
    side = min(m.shape)
    return Spectrum(
        entropy=entropy,
        normalised=entropy / float(torch.tensor(side).double().log()) if side > 1 else 1.0,
        top_share=float(p.max()),
        effective_rank=float((-torch.xlogy(q, q).sum()).exp()),
        participation=float(1 / (p**2).sum()),
    )


@PROBES.register("spectral")
class Spectral(Probe):
    """Spectral entropy, effective rank, participation ratio and top-eigenvalue share of every linear layer's weights.

    Effective rank: Roy & Vetterli 2007. A collapse onto one direction shows as a top share near 1 and an entropy near
    0; `spectral_saturated` counts such layers (top share > .95 or normalised entropy < .1). What is usual depends on
    the model, so bands are set by alert rules.
    """

    title = "Spectra of weights"
    metrics = (
        MetricKey("spectral_entropy", "Spectral entropy", "of ln(rank)", "none", "Of weights, mean over layers."),
        MetricKey("spectral_entropy/min", "Spectral entropy, smallest layer", "of ln(rank)", "none", "Of weights."),
        MetricKey(
            "spectral_entropy/states", "Spectral entropy of states", "of ln(rank)", "none", "Last hidden states."
        ),
        MetricKey("spectral_entropy/layer/*", "Spectral entropy", "of ln(rank)", "none", "Of weights."),
        MetricKey("spectral_top_share/max", "Top-eigenvalue share, largest layer", "share", "none", "Of weights."),
        MetricKey(
            "spectral_top_share/states", "Top-eigenvalue share of states", "share", "none", "Last hidden states."
        ),
        MetricKey("spectral_top_share/layer/*", "Top-eigenvalue share", "share", "none", "Of weights."),
        MetricKey("spectral/effective_rank", "Effective rank, mean over layers", "", "none", "Of weights."),
        MetricKey("spectral/participation", "Participation ratio, mean over layers", "", "none", "Of weights."),
        MetricKey("spectral_saturated", "Saturated layers", "layers", "lower", "Top share > .95 or entropy < .1."),
    )

    class Config(ProbeConfig):
        """Cadence and detail."""

        every: int = Field(200, ge=1, title="Every", description="steps between two measurements")
        per_layer: bool = Field(True, title="Every layer", description="one series per layer, for the heat map")
        states: bool = Field(False, title="Hidden states too", description="of the fixed held-out batch")

    config: Config

    def __init__(self, config: Config) -> None:
        self.config = config

    def measure(self, view: StepView) -> dict[str, float]:
        from training_app.core.model import hidden_linears

        found = {name: spectrum(linear.weight) for name, linear in hidden_linears(view.model).items()}
        known = {name: each for name, each in found.items() if each is not None}
        values = _overall(list(known.values())) if known else {}
        if self.config.per_layer:
            values |= {f"spectral_entropy/layer/{name}": each.normalised for name, each in known.items()}
            values |= {f"spectral_top_share/layer/{name}": each.top_share for name, each in known.items()}
        return values | (_of_states(view) if self.config.states else {})


def _overall(found: list[Spectrum]) -> dict[str, float]:
    count = len(found)
    return {
        "spectral_entropy": sum(each.normalised for each in found) / count,
        "spectral_entropy/min": min(each.normalised for each in found),
        "spectral_top_share/max": max(each.top_share for each in found),
        "spectral/effective_rank": sum(each.effective_rank for each in found) / count,
        "spectral/participation": sum(each.participation for each in found) / count,
        "spectral_saturated": float(sum(each.saturated for each in found)),
    }


def _of_states(view: StepView) -> dict[str, float]:
    """The same of the covariance of the last hidden states [B·T, H]."""
    import torch

    from training_app.core.model import last_hidden

    with torch.no_grad():
        states = last_hidden(view.model, view.probe_BT).flatten(0, 1).float()
    found = spectrum(states - states.mean(0))
    return (
        {}
        if found is None
        else {
            "spectral_entropy/states": found.normalised,
            "spectral_top_share/states": found.top_share,
        }
    )
