"""Shapes of the learning rates."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training_app.core.learning_rates.base import LEARNING_RATES

KEYS = [entry.key for entry in LEARNING_RATES]


@pytest.mark.parametrize("key", KEYS)
def test_warm_up_is_linear_and_reaches_the_peak(key):
    rate = LEARNING_RATES.build(key, {"peak": 1e-2, "warmup_fraction": 0.1})
    assert rate.at(50, 1000) == pytest.approx(5e-3)
    assert rate.at(100, 1000) == pytest.approx(1e-2)


@pytest.mark.parametrize("key", KEYS)
def test_the_named_phases_cover_the_run_in_order(key):
    phases = LEARNING_RATES.build(key, {"warmup_fraction": 0.1}).phases()
    assert phases[0] == ("warm-up", 0.0, 0.1) and phases[-1][2] == 1.0
    assert all(before[2] == after[1] for before, after in itertools.pairwise(phases))


def test_cosine_is_halfway_in_the_middle_and_ends_at_the_final_fraction():
    rate = LEARNING_RATES.build("cosine", {"peak": 1.0, "warmup_fraction": 0.0, "final_fraction": 0.2})
    assert rate.at(500, 1000) == pytest.approx(0.6)
    assert rate.at(1000, 1000) == pytest.approx(0.2)


def test_wsd_holds_the_peak_and_decays_linearly_at_the_end():
    settings = {"peak": 1.0, "warmup_fraction": 0.0, "decay_fraction": 0.2, "final_fraction": 0.0}
    rate = LEARNING_RATES.build("wsd", settings)
    assert rate.at(800, 1000) == pytest.approx(1.0)
    assert rate.at(900, 1000) == pytest.approx(0.5)
    assert rate.at(1000, 1000) == pytest.approx(0.0)


def test_wsd_decays_by_the_root_as_in_cdma():
    settings = {"peak": 3e-3, "warmup_fraction": 0.05, "decay_fraction": 0.2, "final_fraction": 1 / 3, "decay": "sqrt"}
    rate = LEARNING_RATES.build("wsd", settings)
    found = [rate.at(tokens, 1000) for tokens in (25, 50, 500, 800, 850, 900, 1000)]
    assert found == pytest.approx([0.0015, 0.003, 0.003, 0.003, 0.002, 0.0015857864, 0.001])


@given(key=st.sampled_from(KEYS), tokens=st.integers(1, 2000), warmup=st.floats(0, 0.9))
@settings(max_examples=50, deadline=None, derandomize=True)
def test_the_rate_is_positive_and_never_above_the_peak(key, tokens, warmup):
    rate = LEARNING_RATES.build(key, {"peak": 0.5, "warmup_fraction": warmup}).at(tokens, 1000)
    assert 0 < rate <= 0.5 + 1e-12
