"""The fused loss against PyTorch's own."""

import math

import pytest
import torch
from torch.nn import functional

from training_app.core.logit_rows import logit_rows
from training_app.core.loss import FusedNextTokenLoss, token_nll

VOCABULARY = 8192
ROWS = logit_rows("cpu", VOCABULARY)  # of one chunk


def made_up(num_rows: int, vocabulary: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    hidden = torch.randn(num_rows, 16, generator=generator, requires_grad=True)
    head = torch.randn(vocabulary, 16, generator=generator, requires_grad=True)
    return hidden, head, torch.randint(0, vocabulary, (num_rows,), generator=generator)


@pytest.mark.parametrize("num_rows", [1, ROWS, ROWS + 1, 3 * ROWS - 1])
def test_loss_and_gradients_equal_those_of_torch_cross_entropy(num_rows):
    hidden, head, targets = made_up(num_rows, VOCABULARY)
    weights = torch.full((num_rows,), 1 / num_rows)
    loss, nll, _ = FusedNextTokenLoss.apply(hidden, head, targets, weights, False)
    (3 * loss).backward()
    ours = hidden.grad.clone(), head.grad.clone()
    hidden.grad = head.grad = None
    expected = functional.cross_entropy(hidden @ head.T, targets)
    (3 * expected).backward()
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(ours, (hidden.grad, head.grad), atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(nll, functional.cross_entropy(hidden @ head.T, targets, reduction="none"))


def test_a_weight_of_zero_removes_a_token_from_loss_and_gradient():
    hidden, head, targets = made_up(4, 11)
    weights = torch.tensor([0.5, 0.0, 0.5, 0.0])
    loss, _, _ = FusedNextTokenLoss.apply(hidden, head, targets, weights, False)
    loss.backward()
    expected = functional.cross_entropy((hidden @ head.T)[[0, 2]], targets[[0, 2]])
    torch.testing.assert_close(loss, expected)
    assert hidden.grad[1].abs().max() == 0 and hidden.grad[0].abs().max() > 0


def test_entropy_of_logits_2_1_0_is_the_published_number():
    hidden, head = torch.tensor([[1.0, 0.0]]), torch.tensor([[2.0, 0.0], [1.0, 5.0], [0.0, 9.0]])
    _, _, entropy = FusedNextTokenLoss.apply(hidden, head, torch.tensor([0]), torch.ones(1), True)
    assert float(entropy) == pytest.approx(0.8323956, abs=1e-6)


def test_extreme_logits_give_finite_numbers():
    hidden, head = torch.tensor([[1e4]]), torch.tensor([[1.0], [-1.0]])
    loss, _, entropy = FusedNextTokenLoss.apply(hidden, head, torch.tensor([1]), torch.ones(1), True)
    assert float(loss) == pytest.approx(2e4) and float(entropy) == 0.0


def test_token_nll_of_uniform_logits_is_ln_of_the_vocabulary():
    nll = token_nll(torch.zeros(ROWS + 3, 4), torch.randn(VOCABULARY, 4), torch.zeros(ROWS + 3, dtype=torch.long))
    assert nll.shape == (ROWS + 3,)
    torch.testing.assert_close(nll, torch.full_like(nll, math.log(VOCABULARY)))
