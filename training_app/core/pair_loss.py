"""The preference loss of pairs of answers, and the reference it is measured against.

Tensor names end in their shape: R rows (pairs), B = 2·R texts (all chosen, then all rejected), T positions, N = B·T.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid
from transformers import PreTrainedModel

from chimera.errors import InputError, Problem
from curriculum_app.core.sequences import SequenceTable
from training_app.core.loss import TokenNll, token_nll
from training_app.core.model import head_weight, last_hidden
from training_app.core.objectives.base import StepLoss
from training_app.core.order import Batch, Text, mask_of, tokens_of

if TYPE_CHECKING:
    from training_app.core.objectives.preference import Preference


def halves(row: np.void, table: SequenceTable) -> tuple[Text, Text]:
    """The chosen and the rejected text of a row.

    Raises:
        InputError: the row shows only a part of its pair.
    """
    assert table.splits is not None, "see Preference.require"
    sequence, weight = int(row["sequence"]), float(row["weight"])
    if row["start"] or row["length"] != table.lengths[sequence]:
        message = f"a row of the schedule shows only a part of pair {sequence}"
        raise InputError(Problem(message, field="schedule", hint="schedule whole sequences"))
    tokens, mask, split = tokens_of(row, table), mask_of(row, table), int(table.splits[sequence])
    return Text(tokens[:split], mask[:split], weight), Text(tokens[split:], mask[split:], weight)


@dataclass(frozen=True)
class Reference:
    """The model as the run starts, asked anew for every batch.

    Not computed beforehand and stored: it costs a forward pass per step (about a third more), but needs no pass over
    all pairs before the first step, nothing on disk that a resumed run or a fork must find again, and under an adapter
    no memory either. `copy` is None where the trained model is the reference once its adapters are off.
    """

    copy: PreTrainedModel | None

    @classmethod
    def of(cls, model: PreTrainedModel) -> Reference:
        if getattr(model, "_hf_peft_config_loaded", False):
            return cls(None)
        frozen = copy.deepcopy(model)
        frozen.requires_grad_(False)
        frozen.train(False)
        return cls(frozen)

    @contextmanager
    def asked(self, model: PreTrainedModel) -> Iterator[PreTrainedModel]:
        """The reference, without gradients and dropout; `model` is as before afterwards."""
        with torch.no_grad():
            if self.copy is not None:
                yield self.copy
                return
            was_training = model.training
            model.disable_adapters()
            model.train(False)
            try:
                yield model
            finally:
                model.train(was_training)
                model.enable_adapters()


@dataclass(frozen=True)
class Answers:
    """Log-likelihoods (nats, summed over each answer's tokens) of R pairs, under the policy and the reference."""

    policy_B: Tensor
    reference_B: Tensor
    tokens_B: Tensor

    @property
    def ratio_R2(self) -> Tensor:
        """log π/π₀ of every pair's chosen and rejected answer."""
        return (self.policy_B - self.reference_B).view(2, -1).T


def preference_loss(
    model: PreTrainedModel, reference: Reference, batch: Batch, config: Preference.Config, *, with_entropy: bool
) -> StepLoss:
    """Σ weight · loss over the pairs of a part divided by the weights of the whole step."""
    targets_N, target_BT = batch.targets.flatten(), batch.weights > 0
    with reference.asked(model) as frozen:
        hidden_NH = last_hidden(frozen, batch.inputs).flatten(0, 1)
        reference_N = token_nll(hidden_NH, head_weight(frozen), targets_N)
    hidden_NH = last_hidden(model, batch.inputs).flatten(0, 1)
    nll_N, entropy_N = TokenNll.apply(hidden_NH, head_weight(model), targets_N, with_entropy)  # type: ignore[no-untyped-call]
    answers = Answers(
        _log_likelihood(nll_N, target_BT), _log_likelihood(reference_N, target_BT), target_BT.sum(1).float()
    )
    losses_R = pair_losses(answers, config)
    weight_R = torch.from_numpy(batch.rows["weight"].copy()).to(losses_R)
    loss = (losses_R * weight_R).sum() / batch.total
    real_N = target_BT.flatten()
    return StepLoss(
        loss, losses_R.detach(), entropy_N[real_N] if with_entropy else entropy_N, rewards(answers, config.beta)
    )


def _log_likelihood(nll_N: Tensor, target_BT: Tensor) -> Tensor:
    return -(nll_N.view_as(target_BT) * target_BT).sum(1)


def pair_losses(answers: Answers, config: Preference.Config) -> Tensor:
    """Shape (R,). With log-ratios 0.5 and −0.5, β 0.1: sigmoid 0.6443967."""
    ratio_R2 = answers.ratio_R2
    if config.loss == "ipo":
        ratio_R2 = ratio_R2 / answers.tokens_B.clamp(min=1).view(2, -1).T
    delta_R = ratio_R2[:, 0] - ratio_R2[:, 1]
    if config.loss == "ipo":
        return (delta_R - 1 / (2 * config.beta)) ** 2
    smoothing = config.label_smoothing
    scaled_R = config.beta * delta_R
    return -(1 - smoothing) * logsigmoid(scaled_R) - smoothing * logsigmoid(-scaled_R)


def rewards(answers: Answers, beta: float) -> dict[str, float]:
    """What is logged, as means over the pairs."""
    with torch.no_grad():
        reward_R2 = beta * answers.ratio_R2
        policy_R2 = answers.policy_B.view(2, -1).T
        margin_R = reward_R2[:, 0] - reward_R2[:, 1]
        chosen, rejected = reward_R2.mean(0).tolist()
        log_chosen, log_rejected = policy_R2.mean(0).tolist()
        accuracy = (margin_R > 0).float().mean().item()
    return {
        "reward/chosen": chosen, "reward/rejected": rejected, "reward/margin": chosen - rejected,
        "reward/accuracy": accuracy, "logps/chosen": log_chosen, "logps/rejected": log_rejected,
    }  # fmt: skip
