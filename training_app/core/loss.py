"""Next-token loss with the output layer fused in: the logits of the whole batch never exist at once.

Tensor names end in their shape: B batch, T positions, N = B·T, H hidden, V vocabulary, C rows of one chunk.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from training_app.core.logit_rows import logit_rows
from training_app.core.model import head_weight, last_hidden
from training_app.core.objectives.base import StepLoss
from training_app.core.order import Batch


def chunks(tensor_NH: Tensor, head_VH: Tensor) -> list[slice]:
    """Stretches of rows whose logits exist at once."""
    size = logit_rows("cuda" if tensor_NH.is_cuda else "cpu", len(head_VH))
    return [slice(start, start + size) for start in range(0, tensor_NH.shape[0], size)]


def weighted_next_token_loss(model: PreTrainedModel, batch: Batch, *, with_entropy: bool) -> StepLoss:
    """Σ weight · NLL over the batch's targets divided by the weights of the whole step; NLL in nats."""
    weights_N = batch.weights.flatten()
    hidden_NH = last_hidden(model, batch.inputs).flatten(0, 1)
    loss, nll_N, entropy_N = FusedNextTokenLoss.apply(  # type: ignore[no-untyped-call]
        hidden_NH, head_weight(model), batch.targets.flatten(), weights_N / batch.total, with_entropy
    )
    real_N = weights_N > 0
    return StepLoss(loss, row_means(nll_N, batch), entropy_N[real_N] if with_entropy else entropy_N)


def row_means(nll_N: Tensor, batch: Batch) -> Tensor:
    """Shape (B,): mean NLL over the targets of each row; NaN for a row without any."""
    real_BT = batch.weights > 0
    nll_BT = nll_N.detach().view_as(batch.weights)
    return (nll_BT * real_BT).sum(1) / real_BT.sum(1)


class FusedNextTokenLoss(torch.autograd.Function):
    """Σ_n weight_n · NLL_n where logits = hidden · headᵀ, computed and differentiated chunk by chunk in float32.

    The gradient of softmax cross-entropy, p − onehot(target), is known as soon as the chunk's logits are, so the
    forward pass leaves the finished gradients and the backward pass only scales them. Gives the numbers of
    `torch.nn.functional.cross_entropy` (tested) in less time and memory (idea: Liger Kernel, arXiv 2410.10989).
    """

    @staticmethod
    def forward(
        ctx: Any, hidden_NH: Tensor, head_VH: Tensor, target_N: Tensor, weight_N: Tensor, with_entropy: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        num_rows = hidden_NH.shape[0]
        wants_head = ctx.needs_input_grad[1]  # frozen under an adapter
        hidden_grad_NH = torch.empty_like(hidden_NH)
        head_grad_VH = torch.zeros_like(head_VH) if wants_head else None
        head_VH = head_VH.to(hidden_NH.dtype)  # bfloat16 under autocast
        nll_N = torch.empty(num_rows, dtype=torch.float32, device=hidden_NH.device)
        entropy_N = torch.empty(num_rows if with_entropy else 0, dtype=torch.float32, device=hidden_NH.device)
        for rows in chunks(hidden_NH, head_VH):
            target_C1, weight_C1 = target_N[rows, None], weight_N[rows, None]
            exp_CV, total_C1, nll_N[rows] = _softmax_parts(hidden_NH[rows], head_VH, target_C1)
            if with_entropy:
                entropy_N[rows] = _entropy(exp_CV, total_C1)
            grad_CV = exp_CV.mul_(weight_C1 / total_C1).scatter_add_(1, target_C1, -weight_C1).to(hidden_NH.dtype)
            torch.mm(grad_CV, head_VH, out=hidden_grad_NH[rows])
            if head_grad_VH is not None:
                _add_product(head_grad_VH, grad_CV.T, hidden_NH[rows])
        ctx.save_for_backward(hidden_grad_NH, head_grad_VH)
        ctx.mark_non_differentiable(nll_N, entropy_N)
        return (nll_N * weight_N).sum(), nll_N, entropy_N

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, Tensor | None, None, None, None]:
        hidden_grad_NH, head_grad_VH = ctx.saved_tensors
        head = None if head_grad_VH is None else head_grad_VH * upstream[0]
        return hidden_grad_NH * upstream[0].to(hidden_grad_NH.dtype), head, None, None, None


class TokenNll(torch.autograd.Function):
    """The negative log-likelihood (nats) of every target, differentiable, for losses that are not its weighted sum.

    The backward pass computes each chunk's logits a second time, so that those of a whole batch never exist at once.
    """

    @staticmethod
    def forward(
        ctx: Any, hidden_NH: Tensor, head_VH: Tensor, target_N: Tensor, with_entropy: bool
    ) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(hidden_NH, head_VH, target_N)
        cast_VH = head_VH.to(hidden_NH.dtype)  # bfloat16 under autocast
        nll_N = torch.empty(len(target_N), dtype=torch.float32, device=hidden_NH.device)
        entropy_N = torch.empty(len(target_N) if with_entropy else 0, dtype=torch.float32, device=hidden_NH.device)
        for rows in chunks(hidden_NH, head_VH):
            exp_CV, total_C1, nll_N[rows] = _softmax_parts(hidden_NH[rows], cast_VH, target_N[rows, None])
            if with_entropy:
                entropy_N[rows] = _entropy(exp_CV, total_C1)
        ctx.mark_non_differentiable(entropy_N)
        return nll_N, entropy_N

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, Tensor | None, None, None]:
        hidden_NH, head_VH, target_N = ctx.saved_tensors
        cast_VH = head_VH.to(hidden_NH.dtype)
        hidden_grad_NH = torch.empty_like(hidden_NH)
        head_grad_VH = torch.zeros_like(head_VH) if ctx.needs_input_grad[1] else None
        for rows in chunks(hidden_NH, head_VH):
            target_C1, scale_C1 = target_N[rows, None], upstream[0][rows, None]
            exp_CV, total_C1, _ = _softmax_parts(hidden_NH[rows], cast_VH, target_C1)
            grad_CV = exp_CV.mul_(scale_C1 / total_C1).scatter_add_(1, target_C1, -scale_C1).to(hidden_NH.dtype)
            torch.mm(grad_CV, cast_VH, out=hidden_grad_NH[rows])
            if head_grad_VH is not None:
                _add_product(head_grad_VH, grad_CV.T, hidden_NH[rows])
        return hidden_grad_NH, head_grad_VH, None, None


def _add_product(sum_VH: Tensor, left_VC: Tensor, right_CH: Tensor) -> None:
    """sum += left @ right, in the sum's own precision."""
    if sum_VH.dtype == right_CH.dtype:
        sum_VH.addmm_(left_VC, right_CH)
    else:
        sum_VH.add_(left_VC @ right_CH)


def _softmax_parts(hidden_CH: Tensor, head_VH: Tensor, target_C1: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """exp(logits − row maximum), its row sums, and the negative log-likelihood (nats) of each row's target."""
    logits_CV = (hidden_CH @ head_VH.T).float()
    shifted_CV = logits_CV.sub_(logits_CV.amax(1, keepdim=True))
    target_logit_C1 = shifted_CV.gather(1, target_C1)
    exp_CV = shifted_CV.exp_()
    total_C1 = exp_CV.sum(1, keepdim=True)
    return exp_CV, total_C1, (total_C1.log() - target_logit_C1)[:, 0]


def _entropy(exp_CV: Tensor, total_C1: Tensor) -> Tensor:
    """Entropy in nats of p = exp/total per row: log Z − Σ e·log e / Z. Logits (2, 1, 0) give 0.8323956."""
    return total_C1.log()[:, 0] - torch.xlogy(exp_CV, exp_CV).sum(1) / total_C1[:, 0]


def token_nll(hidden_NH: Tensor, head_VH: Tensor, target_N: Tensor) -> Tensor:
    """Negative log-likelihood in nats of every target, without gradients, chunk by chunk. Shape [N], float32."""
    parts = [_softmax_parts(hidden_NH[rows], head_VH, target_N[rows, None])[2] for rows in chunks(hidden_NH, head_VH)]
    return torch.cat(parts)
