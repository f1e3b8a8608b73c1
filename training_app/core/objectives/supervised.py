"""Supervised fine-tuning: the next tokens of answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from chimera.errors import InputError, Problem
from chimera.typed import Config as BaseConfig
from training_app.core.objectives.base import OBJECTIVES, Objective, StepLoss

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from curriculum_app.core.sequences import SequenceTable
    from training_app.core.order import Arrays, Batch, Rows


@OBJECTIVES.register("supervised")
class Supervised(Objective):
    """Mean negative log-likelihood of the answers' tokens given all before them (Ouyang et al., arXiv 2203.02155).

    The mean is over all target tokens of a step, so a long answer counts more than a short one, as in trl.
    """

    title = "Supervised fine-tuning"

    class Config(BaseConfig):
        """What counts."""

        prompts_too: bool = Field(
            False, title="Train on prompts too", description="off: only the assistant's turns and completions count"
        )

    config: Config

    def require(self, table: SequenceTable) -> None:
        if table.form == "chat":
            return
        if table.form == "pairs":
            message, hint = "these sequences are pairs of answers", "choose the objective preference"
        else:
            message, hint = "these sequences do not say which tokens are answers", "choose the objective next_token"
        hint += ", or group a dataset of conversations with form chat"
        raise InputError(Problem(message, field="objective", hint=hint))

    def collate(self, rows: Rows, table: SequenceTable) -> Arrays:
        from training_app.core.order import shifted

        return shifted(rows, table, masked=not self.config.prompts_too)

    def loss(self, model: PreTrainedModel, batch: Batch, *, with_entropy: bool) -> StepLoss:
        from training_app.core.loss import weighted_next_token_loss

        return weighted_next_token_loss(model, batch, with_entropy=with_entropy)
