"""Predictive entropy of the model over the step's tokens."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from training_app.core.metric_keys import MetricKey
from training_app.core.probes.base import PROBES, Probe, ProbeConfig, StepView
from training_app.core.row_groups import RowGroups


@PROBES.register("token_entropy")
class TokenEntropy(Probe):
    """Mean entropy −Σ_v p_v ln p_v (Shannon 1948) of the next-token distribution, from logits the loss computed anyway.

    Falling to zero means a model that is certain of everything (collapse); ln V is a uniform guess.
    """

    title = "Token entropy"
    uses_token_entropy = True
    metrics = (
        MetricKey("token_entropy", "Token entropy", "nats", "none", "Mean over the tokens of the step."),
        MetricKey("token_entropy/p50", "Token entropy, median", "nats", "none", "Over the tokens of the step."),
        MetricKey(
            "token_entropy/p95", "Token entropy, 95th percentile", "nats", "none", "Over the tokens of the step."
        ),
        MetricKey("token_entropy/domain/*", "Token entropy of domain", "nats", "none", "Of the rows of one domain."),
    )

    class Config(ProbeConfig):
        """Cadence and detail."""

        every: int = Field(10, ge=1, title="Every", description="steps between two measurements")
        by_domain: bool = Field(False, title="By domain", description="one series per domain as well")

    config: Config

    def __init__(self, config: Config) -> None:
        self.config = config
        self.groups: RowGroups | None = None

    def measure(self, view: StepView) -> dict[str, float]:
        import torch

        entropy_N = view.entropy_N.float()
        if not len(entropy_N):
            return {}
        low, high = torch.quantile(entropy_N[:MOST], torch.tensor([0.5, 0.95], device=entropy_N.device)).tolist()
        values = {"token_entropy": float(entropy_N.mean()), "token_entropy/p50": low, "token_entropy/p95": high}
        return values | (self._by_domain(view) if self.config.by_domain else {})

    def _by_domain(self, view: StepView) -> dict[str, float]:
        """A row counts for the domain that has most of its tokens."""
        import torch

        per_row = (view.batch.weights > 0).sum(1).tolist()
        if len(per_row) != len(view.batch.rows) or sum(per_row) != len(view.entropy_N):
            return {}  # an objective that shows several texts a row
        self.groups = self.groups or RowGroups(view.table, "domain")
        domains = self.groups.largest(view.batch.rows)
        means = np.array([float(part.mean()) for part in torch.split(view.entropy_N, per_row)])
        found = {}
        for domain in np.unique(domains):
            mine = domains == domain
            found[f"token_entropy/domain/{self.groups.names[domain]}"] = float(
                np.average(means[mine], weights=np.array(per_row)[mine])
            )
        return found


MOST = 2**24  # torch.quantile takes no more
