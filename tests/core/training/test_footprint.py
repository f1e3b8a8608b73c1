"""Memory and time by the formulas, with numbers worked by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from training_app.core import footprint
from training_app.core.footprint import Rates, Setting, flops, memory, step_seconds
from training_app.core.model_shape import ModelShape, shape_of

# hidden 4, 1 layer, 2 heads of 2, 1 key-value head, feed-forward 8, vocabulary 16, tied
SMALL = ModelShape(parameters=216, vocab=16, hidden=4, layers=1, queries=4, keys=2, intermediate=8)
SMOLLM2 = {
    "vocab_size": 49152, "hidden_size": 576, "num_hidden_layers": 30, "num_attention_heads": 9, "head_dim": 64,
    "num_key_value_heads": 3, "intermediate_size": 1536, "tie_word_embeddings": True,
}  # fmt: skip
ONE = Setting(length=10, sequences=1)


def test_parameters_follow_from_the_sizes():
    assert shape_of(SMOLLM2).parameters == 134_515_008, "what transformers counts"
    starter = {"vocab_size": 2048, "hidden_size": 128, "num_hidden_layers": 4, "num_attention_heads": 2}
    assert shape_of(starter | {"intermediate_size": 352}).parameters == 1_066_112
    assert shape_of(SMOLLM2 | {"tie_word_embeddings": False}).parameters == 134_515_008 + 49152 * 576
    assert shape_of({"hidden_size": 4}) is None
    gpt2 = shape_of({"n_embd": 4, "n_layer": 1, "n_head": 2, "vocab_size": 16})
    assert not gpt2.gated and gpt2.intermediate == 16


def test_weights_a_token_is_multiplied_with():
    assert SMALL.block_weights == (4 * 4 + 2 * 4 * 2 + 4 * 4) + 3 * 4 * 8 == 144
    assert SMALL.matrix_weights == 144 + 64
    assert SMALL.lora_weights(2) == 2 * (2 * (4 + 4) + 2 * (4 + 2)) == 56


def test_memory_of_full_training_by_hand():
    found = memory(SMALL, ONE)
    assert found.weights == 4 * 216 and found.moments == 8 * 216
    assert found.gradients == 4 * 216 + 4 * 64, "the loss's own gradient of the output layer comes first"
    layer = 4 * (6 * 4 + 5 * 4 + 4 * 8)
    assert found.activations == 10 * (layer + 3 * 4 * 4)
    assert found.logits == 3 * 4 * 10 * 16
    assert found.total == pytest.approx(1.08 * (864 + 1728 + 1120 + 10 * (layer + 48) + 1920) + 550e6)
    assert found.fits(6e8) and not found.fits(5e8)


def test_lora_trains_little_and_keeps_less():
    lora, full = (memory(SMALL, replace(ONE, method=method, rank=2)) for method in ("lora", "full"))
    assert (lora.gradients, lora.moments, lora.weights) == (4 * 56, 8 * 56, 4 * (216 + 56))
    assert lora.activations == 10 * (4 * (3 * 4 + 5 * 4 + 3 * 8 + 4 * 2) + 48) < full.activations


def test_checkpointing_keeps_the_inputs_of_layers_and_computes_them_twice():
    deep = replace(SMALL, layers=10)
    kept, plain = (memory(deep, replace(ONE, checkpointing=on)).activations for on in (True, False))
    assert kept == 10 * (10 * 16 + 4 * 76 + 48) and plain == 10 * (10 * 4 * 76 + 48)
    assert flops(deep, replace(ONE, checkpointing=True)) > flops(deep, ONE)


def test_flops_by_hand():
    attention = 12 * 1 * 4 * 10
    assert flops(SMALL, ONE) == 10 * (6 * 208 + attention)
    assert flops(SMALL, replace(ONE, method="lora", rank=2)) == 10 * (4 * 208 + attention + 6 * 56)
    assert flops(SMALL, replace(ONE, sequences=3)) == 3 * flops(SMALL, ONE)


def test_a_rate_between_two_widths_follows_the_logarithm():
    rates = Rates({64: 10.0, 256: 30.0}, 1.0)
    assert [rates.at(width) for width in (1, 64, 128, 256, 9999)] == [10, 10, 20, 30, 30] and rates.peak == 30


def test_time_is_products_over_their_rate_and_bytes_over_bandwidth():
    rates = Rates({4: 1e6}, 1e7)
    layer = 4 * (6 * 4 + 5 * 4 + 4 * 8)
    moved = footprint.ACTIVATION_PASSES * 10 * layer
    updated = footprint.OPTIMIZER_PASSES * 4 * 216
    assert step_seconds(SMALL, ONE, rates) == pytest.approx(flops(SMALL, ONE) / 1e6 + (moved + updated) / 1e7)
    two = step_seconds(SMALL, replace(ONE, parts=2), rates)
    assert two == pytest.approx(2 * (flops(SMALL, ONE) / 1e6 + moved / 1e7) + updated / 1e7)


@pytest.mark.torch
def test_a_worker_is_measured_and_its_rates_are_plausible(tmp_path):
    from chimera.context import LocalContext
    from training_app.core.configs_models import MeasureWorkerConfig
    from training_app.core.jobs import measure_worker

    measure_worker_widths = measure_worker.WIDTHS
    try:
        measure_worker.WIDTHS = {"cpu": (64, 128), "cuda": (128,)}
        found = measure_worker.run(MeasureWorkerConfig(seconds=0.01, threads=1), LocalContext(tmp_path))
    finally:
        measure_worker.WIDTHS = measure_worker_widths
    speed = found.speeds[0]
    assert (speed.device, speed.threads) == ("cpu", 1) and set(speed.matmul) == {"float32", "bf16"}
    assert all(1e7 < rate < 1e14 for rates in speed.matmul.values() for rate in rates.values())
    assert 1e8 < speed.bandwidth < 1e13 and speed.memory_bytes > 1e8
