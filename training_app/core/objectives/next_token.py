"""Next-token prediction over whole sequences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera.errors import InputError, Problem
from chimera.typed import Config as BaseConfig
from training_app.core.objectives.base import OBJECTIVES, Objective, StepLoss

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from curriculum_app.core.sequences import SequenceTable
    from training_app.core.order import Arrays, Batch, Rows


@OBJECTIVES.register("next_token")
class NextToken(Objective):
    """Mean negative log-likelihood of every next token (Bengio et al. 2003), weighted by the rows' weights.

    Metadata before a packed text is context and no target (MeCo, arXiv 2501.01956); of a conversation all is learnt.
    """

    title = "Next token"

    class Config(BaseConfig):
        """Nothing to set."""

    def require(self, table: SequenceTable) -> None:
        if table.form == "pairs":
            message = "these sequences are pairs of answers: one after the other they are no text"
            hint = "choose the objective preference, or group the dataset as chat or text"
            raise InputError(Problem(message, field="objective", hint=hint))

    def collate(self, rows: Rows, table: SequenceTable) -> Arrays:
        from training_app.core.order import shifted

        return shifted(rows, table, masked=table.form == "text")

    def loss(self, model: PreTrainedModel, batch: Batch, *, with_entropy: bool) -> StepLoss:
        from training_app.core.loss import weighted_next_token_loss

        return weighted_next_token_loss(model, batch, with_entropy=with_entropy)
