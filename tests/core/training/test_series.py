"""Smoothing before thinning: what a chart of a million points may and may not change."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from training_app.core.series import RowPart, assemble, smooth, thin, window

numbers = st.floats(-1e6, 1e6, allow_nan=False)
any_numbers = st.floats(-1e6, 1e6) | st.sampled_from([np.nan, np.inf, -np.inf])


def steps_of(count: int, gaps: list[int]) -> np.ndarray:
    return np.cumsum(np.resize(np.array(gaps, dtype=np.int64), count))


def naive_smooth(step: np.ndarray, value: np.ndarray, a: float) -> list[float]:
    out, total, weight, last = [], 0.0, 0.0, 0
    for s, v in zip(step, value, strict=True):
        total, weight = total * a ** float(s - last), weight * a ** float(s - last)
        if np.isfinite(v):
            total, weight = total + v, weight + 1.0
        out.append(total / weight if weight > 0 else np.nan)
        last = s
    return out


def test_rows_become_one_series_with_non_finite_values_back():
    rows = [
        RowPart([1, 2, 3], [10, 20, 30], [0.1, 0.2, 0.3], [(0, 5.0), (2, "NaN")]),
        RowPart([], [], [], []),
        RowPart([4], [40], [0.4], [(0, "-Infinity")]),
    ]
    series = assemble(rows)
    assert series.step.tolist() == [1, 3, 4]
    assert series.tokens.tolist() == [10, 30, 40]
    assert series.value[0] == 5.0 and np.isnan(series.value[1]) and series.value[2] == -np.inf
    assert series.finite.tolist() == [True, False, False]
    assert series.x("time", 0.1).tolist() == pytest.approx([0.0, 0.2, 0.3])


def test_token_counts_stay_exact_beyond_float32():
    series = assemble([RowPart([1], [2**53 - 1], [0.0], [(0, 1.0)])])
    assert series.tokens.dtype == np.int64 and series.tokens[0] == 2**53 - 1


def test_smoothing_is_the_debiased_ema_of_its_definition():
    value = np.array([4.0, 2.0, 1.0])
    smoothed = smooth(np.array([1, 2, 3]), value, 0.5).value
    assert smoothed == pytest.approx([4.0, (4 * 0.5 + 2) / 1.5, (4 * 0.25 + 2 * 0.5 + 1) / 1.75])


def test_a_value_logged_every_fifty_steps_is_hardly_smoothed():
    step = np.arange(0, 500, 50)
    value = np.linspace(5, 1, 10)
    assert smooth(step, value, 0.9).value == pytest.approx(value, rel=0.02)


def test_no_smoothing_gives_the_values_and_leaves_non_finite_ones_out():
    smoothed = smooth(np.array([1, 2, 3]), np.array([3.0, np.inf, 2.0]), 0.0)
    assert smoothed.value[[0, 2]].tolist() == [3.0, 2.0] and np.isnan(smoothed.value[1])
    assert (smoothed.total, smoothed.weight) == (2.0, 1.0)


@pytest.mark.parametrize("smoothing", [-0.1, 1.0, 2.0])
def test_a_smoothing_outside_its_range_is_refused(smoothing):
    with pytest.raises(ValueError, match="below 1"):
        smooth(np.array([1]), np.array([1.0]), smoothing)


@given(
    value=arrays(np.float64, st.integers(0, 300), elements=any_numbers),
    gaps=st.lists(st.integers(0, 3000), min_size=1, max_size=5),
    a=st.sampled_from([0.1, 0.5, 0.9, 0.99, 0.999]),
)
def test_the_blocked_sum_equals_the_recursion(value, gaps, a):
    step = steps_of(len(value), gaps)
    assert smooth(step, value, a).value == pytest.approx(naive_smooth(step, value, a), rel=1e-9, abs=1e-6, nan_ok=True)


@given(
    value=arrays(np.float64, st.integers(2, 300), elements=any_numbers),
    gaps=st.lists(st.integers(1, 40), min_size=1, max_size=5),
    a=st.sampled_from([0.5, 0.9, 0.999]),
    cut=st.integers(1, 299),
)
def test_the_smoothed_value_at_a_step_does_not_depend_on_what_came_later(value, gaps, a, cut):
    step = steps_of(len(value), gaps)
    whole = smooth(step, value, a).value[:cut]
    prefix = smooth(step[:cut], value[:cut], a).value
    assert np.array_equal(whole, prefix, equal_nan=True)


def test_ten_thousand_and_a_million_points_smooth_to_the_same_prefix():
    rng = np.random.default_rng(0)
    value = rng.normal(size=1_000_000)
    step = np.arange(1, 1_000_001)
    whole = smooth(step, value, 0.9).value
    assert np.array_equal(whole[:10_000], smooth(step[:10_000], value[:10_000], 0.9).value)


@given(value=arrays(np.float64, st.integers(1, 60), elements=numbers), a=st.sampled_from([0.0, 0.6, 0.95]))
def test_smoothing_can_be_continued_from_its_last_state(value, a):
    step = np.arange(1, len(value) + 2)
    longer = np.append(value, 7.0)
    state = smooth(step[:-1], value, a)
    continued = (state.total * a + 7.0) / (state.weight * a + 1.0)
    assert continued == pytest.approx(smooth(step, longer, a).value[-1], rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("log_x", [False, True])
@pytest.mark.parametrize("spike", [0, 17, 123_456, 999_999])
def test_a_spike_of_one_step_among_a_million_stays_with_its_exact_step(log_x, spike):
    value = np.zeros(1_000_000)
    value[spike] = 100.0
    x = np.arange(1, 1_000_001, dtype=np.float64)
    kept = thin(x, value, 800, log_x)
    assert len(kept) <= 800 and spike in kept


@given(
    y=arrays(np.float64, st.integers(1, 400), elements=any_numbers),
    gaps=st.lists(st.integers(0, 50), min_size=1, max_size=5),
    max_points=st.integers(8, 64),
    log_x=st.booleans(),
)
def test_thinning_keeps_first_last_lowest_and_highest(y, gaps, max_points, log_x):
    x = steps_of(len(y), gaps).astype(np.float64)
    kept = thin(x, y, max_points, log_x)
    finite = np.flatnonzero(np.isfinite(y))
    assert len(kept) <= max(max_points, 0) and np.all(np.diff(kept) > 0)
    assert np.isin(kept, finite).all()
    if len(finite):
        assert kept[0] == finite[0] and kept[-1] == finite[-1]
        assert y[kept].min() == y[finite].min() and y[kept].max() == y[finite].max()


def test_a_short_series_is_drawn_whole():
    x = np.arange(50.0)
    assert thin(x, np.sin(x), 100).tolist() == list(range(50))


def test_fewer_than_eight_points_cannot_keep_the_picture():
    with pytest.raises(ValueError, match="at least 8"):
        thin(np.arange(3.0), np.arange(3.0), 4)


def test_a_window_reaches_one_point_beyond_both_ends():
    x = np.arange(10.0)
    assert window(x, 3.5, 6.5) == slice(3, 8)
    assert window(x, None, None) == slice(0, 10)
    assert window(x, 100.0, 200.0) == slice(9, 10)


def test_a_weight_that_has_become_steady_is_the_float_that_the_recurrence_gives():
    step = np.arange(1, 70_001)
    step[40_000:] += 6  # one longer gap in the second block
    value = np.sin(step * 0.01)
    value[50_000] = np.nan
    whole = smooth(step, value, 0.9).value
    assert whole[39_990:50_010] == pytest.approx(naive_smooth(step, value, 0.9)[39_990:50_010], rel=1e-9, nan_ok=True)
    for cut in (33_000, 40_001, 50_001):
        assert np.array_equal(whole[:cut], smooth(step[:cut], value[:cut], 0.9).value, equal_nan=True)
