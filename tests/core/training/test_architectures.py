"""Every architecture builds a model that the loop can train."""

import pytest
import torch

from chimera.errors import InputError
from tests.core.training.run_factory import make_config, make_context
from training_app.core.architectures.base import ARCHITECTURES, TextShape
from training_app.core.engine import prepare, train
from training_app.core.model import build_model, require_plain_head

pytestmark = pytest.mark.torch
SMALL = {"hidden_size": 32, "num_layers": 2, "num_heads": 2, "intermediate_size": 64}
TEXT = TextShape(vocab_size=64, max_length=16, eos_id=0)


@pytest.mark.parametrize("key", ["llama", "qwen3", "lfm2", "any_causal"])
def test_it_trains_on_the_schedule_and_learns(tmp_path, key):
    ctx, table, schedule = make_context(tmp_path)
    config = make_config(model={"key": key, "config": SMALL if key != "any_causal" else {}}, probes=[])
    run = prepare(config, schedule, table)
    train(run, ctx)
    assert run.state.step == 16 and run.state.losses[-1] < run.state.losses[0]


def test_lfm2_alternates_convolution_and_attention():
    config = ARCHITECTURES.build("lfm2", {**SMALL, "num_layers": 4}).transformers_config(TEXT)
    assert list(config.layer_types) == ["conv", "full_attention", "conv", "full_attention"]


def test_key_value_heads_are_shared():
    config = ARCHITECTURES.build("qwen3", {**SMALL, "num_kv_heads": 1}).transformers_config(TEXT)
    assert (config.num_attention_heads, config.num_key_value_heads) == (2, 1)


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"model_type": "no_such"}, "model.config.model_type"),
        ({"settings": {"n_head": "three"}}, "model.config.settings"),
    ],
)
def test_what_transformers_cannot_build_is_named(config, field):
    with pytest.raises(InputError) as error:
        ARCHITECTURES.build("any_causal", config).transformers_config(TEXT)
    assert error.value.problems[0].field == field


def test_capped_logits_are_refused_because_the_fused_loss_would_be_wrong():
    sizes = {
        "hidden_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "head_dim": 16,
    }
    sizes["num_key_value_heads"] = 1
    model = build_model(ARCHITECTURES.build("any_causal", {"model_type": "gemma2", "settings": sizes}), TEXT, seed=0)
    with torch.no_grad(), pytest.raises(InputError, match="more than hidden states times the output matrix"):
        require_plain_head(model)


def test_sizes_that_do_not_fit_each_other_are_refused_before_training():
    sizes = {
        "hidden_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "num_key_value_heads": 4,
        "head_dim": 16,
    }
    model = build_model(ARCHITECTURES.build("any_causal", {"model_type": "gemma2", "settings": sizes}), TEXT, seed=0)
    with pytest.raises(InputError, match="do not fit each other"):
        require_plain_head(model)
