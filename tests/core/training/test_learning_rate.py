"""Shapes of the learning rate."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training_app.core.learning_rate import LearningRateConfig, learning_rate


@pytest.mark.parametrize("shape", ["cosine", "wsd", "constant"])
def test_warm_up_is_linear_and_reaches_the_peak(shape):
    config = LearningRateConfig(peak=1e-2, shape=shape, warmup_fraction=0.1)
    assert learning_rate(config, 50, 1000) == pytest.approx(5e-3)
    assert learning_rate(config, 100, 1000) == pytest.approx(1e-2)


def test_cosine_is_halfway_in_the_middle_and_ends_at_the_final_fraction():
    config = LearningRateConfig(peak=1.0, shape="cosine", warmup_fraction=0.0, final_fraction=0.2)
    assert learning_rate(config, 500, 1000) == pytest.approx(0.6)
    assert learning_rate(config, 1000, 1000) == pytest.approx(0.2)


def test_wsd_holds_the_peak_and_decays_linearly_at_the_end():
    config = LearningRateConfig(peak=1.0, shape="wsd", warmup_fraction=0.0, decay_fraction=0.2, final_fraction=0.0)
    assert learning_rate(config, 800, 1000) == pytest.approx(1.0)
    assert learning_rate(config, 900, 1000) == pytest.approx(0.5)
    assert learning_rate(config, 1000, 1000) == pytest.approx(0.0)


@given(shape=st.sampled_from(["cosine", "wsd", "constant"]), tokens=st.integers(1, 2000), warmup=st.floats(0, 0.9))
@settings(max_examples=50, deadline=None, derandomize=True)
def test_the_rate_is_positive_and_never_above_the_peak(shape, tokens, warmup):
    rate = learning_rate(LearningRateConfig(peak=0.5, shape=shape, warmup_fraction=warmup), tokens, 1000)
    assert 0 < rate <= 0.5
