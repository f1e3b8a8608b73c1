"""Direct preference optimisation: chosen answers against rejected ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from chimera.errors import InputError, Problem
from chimera.typed import Config as BaseConfig
from training_app.core.metric_keys import MetricKey
from training_app.core.objectives.base import OBJECTIVES, Objective, StepLoss

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from curriculum_app.core.sequences import SequenceTable
    from training_app.core.order import Arrays, Batch, Rows
    from training_app.core.pair_loss import Reference

LossType = Literal["sigmoid", "ipo"]


@OBJECTIVES.register("preference")
class Preference(Objective):
    """DPO (Rafailov et al., arXiv 2305.18290) or IPO (Azar et al., arXiv 2310.12036; lengths as in trl).

    With Δ = log π(chosen)/π₀(chosen) − log π(rejected)/π₀(rejected): sigmoid is −(1−ε)·log σ(βΔ) − ε·log σ(−βΔ) (ε:
    label smoothing, arXiv 2305.18290 note 3), ipo is (Δ̄ − 1/2β)² with log-probabilities per token. The loss is the
    mean over the pairs of a step. π₀ is the model as the run starts: the frozen weights under an adapter, else a copy.
    """

    title = "Preference (DPO)"
    metrics = (
        MetricKey("reward/chosen", "Reward of chosen answers", "", "none", "β·log π/π₀, mean over pairs."),
        MetricKey("reward/rejected", "Reward of rejected answers", "", "none", "β·log π/π₀, mean over pairs."),
        MetricKey("reward/margin", "Reward margin", "", "higher", "Chosen minus rejected, mean over pairs."),
        MetricKey("reward/accuracy", "Reward accuracy", "share", "higher", "Pairs with a positive margin."),
        MetricKey("logps/chosen", "Log-likelihood of chosen answers", "nats", "none", "Sum over the answer."),
        MetricKey("logps/rejected", "Log-likelihood of rejected answers", "nats", "none", "Sum over the answer."),
    )

    class Config(BaseConfig):
        """Shape and strength of the preference."""

        loss: LossType = Field("sigmoid", title="Loss", description="sigmoid is DPO, ipo its squared form")
        beta: float = Field(0.1, gt=0, le=100, title="β", description="higher keeps closer to the start")
        label_smoothing: float = Field(
            0.0, ge=0, lt=0.5, title="Label smoothing", description="share of labels taken to be wrong; sigmoid only"
        )

    config: Config
    reference: Reference

    def require(self, table: SequenceTable) -> None:
        if table.form != "pairs":
            message = "these sequences are no pairs of answers: there is nothing to prefer"
            hint = "group a dataset with prompt, chosen and rejected with form pairs, or choose another objective"
            raise InputError(Problem(message, field="objective", hint=hint))

    def prepare(self, model: PreTrainedModel) -> None:
        from training_app.core.pair_loss import Reference

        self.reference = Reference.of(model)

    def collate(self, rows: Rows, table: SequenceTable) -> Arrays:
        """All chosen answers, then all rejected ones: text k of row i stands at k·(number of rows) + i."""
        from training_app.core.order import padded
        from training_app.core.pair_loss import halves

        pairs = [halves(row, table) for row in rows]
        return padded([chosen for chosen, _ in pairs] + [rejected for _, rejected in pairs], table.eos_id)

    def total(self, rows: Rows, arrays: Arrays) -> float:
        """The mean is one over pairs."""
        return float(rows["weight"].sum(dtype=np.float64))

    def fed(self, index: int, rows: Rows, arrays: Arrays) -> NDArray[np.int64]:
        """The chosen half's tokens, then the rejected one's."""
        return np.concatenate([arrays.tokens_of(index), arrays.tokens_of(len(rows) + index)])

    def loss(self, model: PreTrainedModel, batch: Batch, *, with_entropy: bool) -> StepLoss:
        from training_app.core.pair_loss import preference_loss

        return preference_loss(model, self.reference, batch, self.config, with_entropy=with_entropy)
