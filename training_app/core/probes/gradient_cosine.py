"""Whether the parts of a batch, and the groups in it, pull the weights the same way."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from training_app.core.metric_keys import MetricKey
from training_app.core.probes.base import PROBES, Probe, ProbeConfig, StepView
from training_app.core.row_groups import RowGroups

if TYPE_CHECKING:
    from training_app.core.part_gradients import Float


def against_the_rest(gram: Float, shares: list[float]) -> list[float]:
    """Cosine of every gradient with the sum of the others, each weighted by its share of the step."""
    weights = np.array(shares)
    weighted = gram * np.outer(weights, weights)
    own = np.diag(weighted)
    across = weighted.sum(1) - own
    rest = weighted.sum() - 2 * weighted.sum(1) + own
    with np.errstate(invalid="ignore", divide="ignore"):
        found: list[float] = (across / np.sqrt(own * np.maximum(rest, 0))).tolist()
    return found


@PROBES.register("gradient_cosine")
class GradientCosine(Probe):
    """Cosine between the gradients of parts of the batch, and of each group's rows with all others.

    After the chunk-gradient cosines of TerRIFIC Curricula; between tasks: Yu et al., arXiv 2001.06782. A row counts for
    the group that has most of its tokens. Small batches are noisy, so their cosines are low: compare runs of equal
    batches, and with `noise_scale`.
    """

    title = "Gradient cosine"
    metrics = (
        MetricKey("gradient_cosine/mean", "Gradient cosine, parts", "", "none", "Mean over pairs of parts."),
        MetricKey("gradient_cosine/min", "Gradient cosine, least alike parts", "", "none", "Least pair of parts."),
        MetricKey("gradient_cosine/groups", "Gradient cosine, groups", "", "none", "Mean over pairs of groups."),
        MetricKey("gradient_cosine/group/*", "Gradient cosine with the rest", "", "none", "Group against the others."),
    )

    class Config(ProbeConfig):
        """Cadence and what is compared."""

        every: int = Field(100, ge=1, title="Every", description="steps between two measurements")
        parts: int = Field(4, ge=2, le=64, title="Parts", description="of the batch, each one gradient")
        grouping: str = Field(
            "domain", max_length=100, title="Groups by", description="domain, difficulty, …; empty: parts only"
        )

    config: Config

    def __init__(self, config: Config) -> None:
        self.config = config
        self.groups: RowGroups | None = None

    def measure(self, view: StepView) -> dict[str, float]:
        from training_app.core.part_gradients import above_diagonal, cosines, gram_of_parts

        pairs = above_diagonal(cosines(gram_of_parts(view, self.config.parts)))
        values = (
            {"gradient_cosine/mean": float(pairs.mean()), "gradient_cosine/min": float(pairs.min())}
            if len(pairs)
            else {}
        )
        values |= self._between_groups(view) if self.config.grouping else {}
        return {key: value for key, value in values.items() if math.isfinite(value)}

    def _between_groups(self, view: StepView) -> dict[str, float]:
        from training_app.core.part_gradients import above_diagonal, cosines, gram_of

        self.groups = self.groups or RowGroups(view.table, self.config.grouping)
        largest = self.groups.largest(view.batch.rows)
        present = np.unique(largest)
        if len(present) < 2:
            return {}
        parts = [view.batch.take(np.flatnonzero(largest == group).tolist()) for group in present]
        gram = gram_of(parts, view.gradient_of)
        shares = [float(part.weights.sum()) / part.total for part in parts]
        alone = zip(present, against_the_rest(gram, shares), strict=True)
        values = {f"gradient_cosine/group/{self.groups.names[group]}": value for group, value in alone}
        return {"gradient_cosine/groups": float(above_diagonal(cosines(gram)).mean()), **values}
