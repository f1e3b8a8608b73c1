"""Probes: worked numbers, declared keys, no disturbance."""

import math

import pytest
import torch

from tests.core.training.run_factory import make_config, make_context, step_view
from training_app.core.engine import Run, prepare
from training_app.core.metric_keys import describe
from training_app.core.probes.attention_entropy import attention_entropy, normalised_entropy
from training_app.core.probes.base import PROBES, StepView
from training_app.core.probes.stable_rank import StableRank, stable_rank


@pytest.fixture(scope="module")
def stepped(tmp_path_factory) -> tuple[Run, StepView]:
    """A run after its first backward pass, as probes see it."""
    _, table, schedule = make_context(tmp_path_factory.mktemp("probes"))
    run = prepare(make_config(), schedule, table)
    return run, step_view(run)


def test_stable_rank_of_the_worked_examples():
    assert stable_rank(torch.tensor([[3.0, 0.0], [0.0, 4.0]])) == pytest.approx(1.5625)
    ranks = [stable_rank(torch.diag(torch.tensor(d))) for d in ([2.0, 2.0], [3.0, 1.0], [1.0, 0.0])]
    assert ranks == pytest.approx([2, 1.1111111, 1])
    assert min(ranks) == pytest.approx(1) and sum(ranks) / 3 == pytest.approx(1.3703704)


@pytest.mark.parametrize("shape", [(40, 12), (12, 40), (12, 12)])
def test_stable_rank_equals_the_full_svd_whatever_the_scale(shape):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    singular = torch.linalg.svdvals(matrix.double())
    expected = float((singular**2).sum() / singular[0] ** 2)
    assert stable_rank(matrix) == pytest.approx(expected, rel=1e-5)
    assert stable_rank(matrix * 1e-30) == pytest.approx(expected, rel=1e-5)


def test_stable_rank_of_a_zero_gradient_is_nan():
    assert math.isnan(stable_rank(torch.zeros(3, 4)))


def test_layers_without_gradient_are_left_out_and_counted(stepped):
    run, view = stepped
    probe = StableRank(StableRank.Config())
    before = probe.measure(view)
    weight = run.model.model.layers[0].mlp.up_proj.weight
    kept, weight.grad = weight.grad, torch.zeros_like(weight)
    after = probe.measure(view)
    weight.grad = kept
    assert (before["stable_rank/zero_gradients"], after["stable_rank/zero_gradients"]) == (0, 1)
    assert 1 <= after["stable_rank/min"] <= after["stable_rank/mean"]


def test_attention_entropy_of_the_worked_rows():
    rows = torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.2, 0.3, 0.5]])
    assert attention_entropy(rows).tolist() == pytest.approx([0, 0.6931472, 1.0296530])
    assert normalised_entropy(rows).tolist() == pytest.approx([1, 0.9372306])


@pytest.mark.parametrize("entry", list(PROBES), ids=lambda entry: entry.key)
def test_every_probe_declares_its_keys_and_disturbs_nothing(entry, stepped):
    run, view = stepped
    config = entry.config(**({"per_layer": True} if "per_layer" in entry.config.model_fields else {}))
    gradients = [p.grad.clone() for p in run.model.parameters()]
    weights, random_state = [p.detach().clone() for p in run.model.parameters()], torch.get_rng_state()
    values = entry.cls(config).measure(view)
    assert values and all(math.isfinite(value) for value in values.values())
    assert all(any(declared.matches(key) for declared in entry.cls.metrics) for key in values)
    assert all(describe(key).title != key for key in values)
    assert torch.equal(torch.get_rng_state(), random_state)
    assert all(torch.equal(p.grad, g) for p, g in zip(run.model.parameters(), gradients, strict=True))
    assert all(torch.equal(p, w) for p, w in zip(run.model.parameters(), weights, strict=True))
    assert run.model.config._attn_implementation == "sdpa"


def test_untrained_attention_is_close_to_uniform_and_token_entropy_to_a_uniform_guess(stepped):
    _, view = stepped
    attention = PROBES.build("attention_entropy").measure(view)["attention_entropy"]
    tokens = PROBES.build("token_entropy").measure(view)["token_entropy"]
    assert 0.99 < attention <= 1.0
    assert math.log(257) - 0.05 < tokens <= math.log(257)
