"""The model that a config builds."""

import pytest
import torch

from training_app.core.architectures.base import TextShape
from training_app.core.configs import STARTER, TINY
from training_app.core.model import build_model, head_weight, hidden_linears, last_hidden, num_parameters

pytestmark = pytest.mark.torch


def build(config=TINY, vocab_size=512, seed=0):
    return build_model(config.build(), TextShape(vocab_size=vocab_size, max_length=64, eos_id=0), seed=seed)


@pytest.mark.parametrize(("config", "vocab_size", "count"), [(TINY, 512, 43_168), (STARTER, 2048, 1_066_112)])
def test_the_presets_have_the_sizes_they_promise(config, vocab_size, count):
    assert num_parameters(build(config, vocab_size)) == count


def test_weights_depend_on_the_seed_alone():
    one, again, other = build(), build(), build(seed=1)
    same = [torch.equal(a, b) for a, b in zip(one.parameters(), again.parameters(), strict=True)]
    assert all(same)
    assert not torch.equal(head_weight(one), head_weight(other))


def test_hidden_states_times_the_head_are_the_model_s_logits():
    model, tokens = build(), torch.arange(20)[None]
    with torch.no_grad():
        torch.testing.assert_close(last_hidden(model, tokens) @ head_weight(model).T, model(tokens).logits)


def test_the_linears_of_the_blocks_are_found_without_the_output_layer():
    names = hidden_linears(build())
    assert len(names) == 2 * 7 and not any("lm_head" in name for name in names)
