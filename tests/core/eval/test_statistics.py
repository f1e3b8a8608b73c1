"""Worked numbers of the statistics and what must hold for any input."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from eval_app.core.statistics import (
    detectable_effect,
    detectable_share,
    holm,
    mcnemar,
    paired_bootstrap,
    paired_power,
    paired_t,
    pairs_needed,
    welch_t,
)

numbers = st.floats(-100, 100).map(lambda value: round(value, 6))
samples = st.lists(numbers, min_size=2, max_size=12)


def test_three_paired_seeds_are_not_significant():
    first, second = [0.412, 0.405, 0.419], [0.421, 0.418, 0.423]
    result = paired_t([b - a for a, b in zip(first, second, strict=True)])
    assert result.mean == pytest.approx(0.008667, abs=5e-7)
    assert result.p == pytest.approx(0.0796, abs=5e-5)
    assert result.low < 0 < result.high
    assert result.effect == pytest.approx(result.mean / result.sd)


@given(samples)
def test_the_paired_test_is_scipys(differences):
    assume(np.std(differences) > 1e-6)
    result = paired_t(differences)
    reference = stats.ttest_1samp(differences, 0)
    interval = reference.confidence_interval(0.95)
    assert result.p == pytest.approx(reference.pvalue, rel=1e-6, abs=1e-12)
    assert (result.low, result.high) == pytest.approx((interval.low, interval.high), rel=1e-6, abs=1e-9)


@given(samples)
def test_negated_differences_negate_the_result_exactly(differences):
    one, other = paired_t(differences), paired_t([-value for value in differences])
    assert (one.mean, one.low, one.high) == (-other.mean, -other.high, -other.low)
    assert (one.p, one.sd) == (other.p, other.sd)


@pytest.mark.parametrize(("value", "p"), [(0.0, 1.0), (0.1, 0.0)])
def test_differences_without_spread_have_no_effect_size(value, p):
    result = paired_t([value] * 5)
    assert (result.mean, result.sd, result.p, result.effect) == (value, 0.0, p, None)


def test_one_pair_is_not_a_test():
    with pytest.raises(ValueError, match="two pairs"):
        paired_t([0.1])


@given(samples, samples)
def test_welchs_test_is_scipys(first, second):
    assume(np.std(first) > 1e-6 and np.std(second) > 1e-6)
    result, reference = welch_t(first, second), stats.ttest_ind(first, second, equal_var=False)
    interval = reference.confidence_interval(0.95)
    assert result.p == pytest.approx(reference.pvalue, rel=1e-6, abs=1e-12)
    assert (result.low, result.high) == pytest.approx((interval.low, interval.high), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(("first", "second"), [([1.0], [1.0, 2.0]), ([1.0, 1.0], [2.0, 2.0])])
def test_welchs_test_needs_values_that_vary(first, second):
    with pytest.raises(ValueError, match="Welch"):
        welch_t(first, second)


def test_pairing_finds_what_unpaired_seeds_hide():
    base = [2.00, 2.10, 1.90, 2.05, 1.95]
    arm = [value - 0.01 - 0.001 * i for i, value in enumerate(base)]
    assert paired_t([a - b for a, b in zip(arm, base, strict=True)]).p < 0.001
    assert welch_t(arm, base).p > 0.5


def test_holm_is_the_published_example():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=10))
def test_holm_never_lowers_a_p_keeps_their_order_and_stays_at_most_one(p_values):
    adjusted = holm(p_values)
    assert all(p <= a <= 1 for p, a in zip(p_values, adjusted, strict=True))
    order = np.argsort(p_values, kind="stable")
    assert np.all(np.diff(np.array(adjusted)[order]) >= 0)


def test_mcnemar_is_the_published_example():
    result = mcnemar(5, 15)
    assert result.exact == pytest.approx(0.041389, abs=5e-7)
    assert result.chi_squared == pytest.approx(0.044171, abs=5e-7)
    assert result.mid == pytest.approx(0.026604, abs=5e-7)


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_symmetric_and_its_ps_are_ordered(b, c):
    one = mcnemar(b, c)
    assert one == mcnemar(c, b)
    assert 0 <= one.mid <= one.exact <= 1 or b == c


@pytest.mark.parametrize(("n", "expected"), [(164, 0.142), (500, 0.081), (1000, 0.057), (2376, 0.037)])
def test_detectable_differences_of_shares_are_the_published_ones(n, expected):
    assert detectable_share(n, 0.3) == pytest.approx(expected, abs=5e-4)


@pytest.mark.parametrize(("effect", "pairs"), [(0.5, 34), (1.0, 10), (2.0, 5)])
def test_pairs_needed_are_the_textbook_ones(effect, pairs):
    """G*Power, paired t, two-sided alpha .05, power .8: d_z .5 takes 34 pairs, 1 takes 10, 2 takes 5."""
    assert pairs_needed(effect) == pairs
    assert pairs_needed(-effect) == pairs
    assert paired_power(pairs, effect) >= 0.8 > paired_power(pairs - 1, effect)


def test_no_effect_or_a_tiny_one_needs_more_pairs_than_anyone_runs():
    assert pairs_needed(0.0) is None
    assert pairs_needed(0.001) is None


@pytest.mark.parametrize("n", [2, 3, 5, 10, 50])
def test_the_detectable_effect_is_detected_with_the_power_it_says(n):
    effect = detectable_effect(n)
    assert paired_power(n, effect) == pytest.approx(0.8, abs=1e-6)
    assert n == 2 or effect < detectable_effect(n - 1)


def test_power_under_no_difference_is_alpha_and_far_away_is_one():
    assert paired_power(5, 0.0) == pytest.approx(0.05, abs=1e-6)
    assert paired_power(500, 3.0) == pytest.approx(1.0)
    assert not math.isnan(paired_power(557, 0.5))


def test_power_of_one_pair_is_refused():
    with pytest.raises(ValueError, match="two pairs"):
        detectable_effect(1)


def test_the_bootstrap_is_the_published_example():
    result = paired_bootstrap([1, 1, 0, 1, 0, 1, 1, 0, 1, 1] * 10, [1, 0, 0, 1, 0, 1, 0, 0, 1, 1] * 10)
    assert (result.mean, result.low, result.high) == pytest.approx((0.20, 0.12, 0.28), abs=1e-9)
    assert result.p == 0.0


def test_the_bootstrap_refuses_a_handful_of_values():
    with pytest.raises(ValueError, match="at least 20"):
        paired_bootstrap([1.0] * 19, [0.0] * 19)
