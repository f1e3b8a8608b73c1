"""Configs of a run: bounds, defaults, what its recipe leaves out."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from tests.core.training.run_factory import make_config
from training_app.core.configs import TrainConfig
from training_app.core.metric_keys import describe, metric_keys


def test_the_configs_and_the_job_load_without_torch():
    modules = "training_app.core.configs, training_app.core.jobs.train, training_app.core.checkpoint"
    code = (
        f"import sys, {modules}, eval_app.core.configs_evaluate, eval_app.core.jobs.evaluate\n"
        "from training_app.core.metric_keys import metric_keys\n"
        "metric_keys()\n"
        "assert 'torch' not in sys.modules and 'transformers' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_config_survives_json():
    config = make_config()
    assert TrainConfig.model_validate(config.as_json()) == config


def test_heads_that_do_not_divide_the_hidden_size_are_refused():
    with pytest.raises(ValidationError, match="multiple of 2 × num_heads"):
        make_config(model={"key": "llama", "config": {"hidden_size": 100, "num_heads": 3}})


def test_a_misspelt_probe_is_offered_the_nearest_name():
    with pytest.raises(ValidationError, match="did you mean 'stable_rank'"):
        make_config(probes=[{"key": "stable_rnak"}])


def test_the_recipe_changes_with_what_changes_the_weights_only():
    recipe = make_config().recipe()
    assert make_config(name="other", evaluate_every=1).recipe() == recipe
    assert make_config(batch_sequences=2).recipe() != recipe


@pytest.mark.parametrize(
    ("key", "label", "unit"),
    [
        ("held_out/macro", "Held-out, mean over domains", "bits/byte"),
        ("held_out/prose", "Held-out: prose", "bits/byte"),
        ("mixture/delivered/domain/code", "Delivered share of domain: code", "share"),
        ("mixture/delivered/long · hard", "Delivered share of difficulty: long · hard", "share"),
        ("stable_rank/layer/model.layers.0.mlp.up_proj", "Stable rank: model.layers.0.mlp.up_proj", ""),
    ],
)
def test_a_metric_key_is_described_by_the_first_pattern_that_fits(key, label, unit):
    declared = describe(key)
    assert (declared.label(key), declared.unit) == (label, unit)


def test_no_two_series_share_a_pattern():
    patterns = [key.pattern for key in metric_keys()]
    assert len(set(patterns)) == len(patterns)
