"""Training loss by group."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from training_app.core.metric_keys import MetricKey
from training_app.core.probes.base import PROBES, Probe, ProbeConfig, StepView
from training_app.core.row_groups import RowGroups


@PROBES.register("group_loss")
class GroupLoss(Probe):
    """Mean training loss of every group over the rows fed since the last measurement, weighted by tokens.

    Losses by domain are what group-wise methods steer by (DoReMi, arXiv 2305.10429). They were computed by the step
    anyway. A row of several groups counts for each by its tokens; rows whose loss is no number count for none.
    """

    title = "Loss by group"
    metrics = (
        MetricKey("group_loss/domain/*", "Training loss of domain", "nats/token", "lower", "Since the last point."),
        MetricKey(
            "group_loss/difficulty/*", "Training loss of difficulty", "nats/token", "lower", "Since the last point."
        ),
        MetricKey("group_loss/*", "Training loss of group", "nats/token", "lower", "Since the last point."),
    )

    class Config(ProbeConfig):
        """Cadence."""

        every: int = Field(20, ge=1, title="Every", description="steps between two measurements")

    config: Config

    def __init__(self, config: Config) -> None:
        self.config = config
        self.groups: dict[str, RowGroups] = {}

    def measure(self, view: StepView) -> dict[str, float]:
        self.groups = self.groups or {name: RowGroups(view.table, name) for name in view.table.grouping_names}
        rows, losses = view.fed.last(self._rows_since(view))
        known = np.isfinite(losses)
        rows, losses = rows[known], losses[known].astype(np.float64)
        values: dict[str, float] = {}
        for grouping, groups in self.groups.items():
            tokens = groups.tokens(rows)
            totals = tokens.sum(axis=0)
            means = losses @ tokens / np.maximum(totals, 1e-30)
            shown = zip(groups.names, means.tolist(), totals.tolist(), strict=True)
            values |= {f"group_loss/{grouping}/{name}": mean for name, mean, total in shown if total > 0}
        return values

    def _rows_since(self, view: StepView) -> int:
        """Rows after the step of the last measurement, which is always one of step 1."""
        last = (view.step - 1) // self.config.every * self.config.every
        last = max(last, min(1, view.step - 1))
        earlier = view.fed.count - len(view.batch.rows)  # all full batches
        return view.fed.count - (earlier * last // (view.step - 1) if view.step > 1 else 0)
