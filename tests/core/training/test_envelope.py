"""The band behind a thinned line, points of one metric over another, and the curve of a group."""

import numpy as np
import pytest

from training_app.core.envelope import envelope
from training_app.core.grouped import Member, grouped
from training_app.core.joined import joined, thin_path
from training_app.core.series import Series


def series(step: list[int], value: list[float]) -> Series:
    steps = np.array(step, dtype=np.int64)
    return Series(steps, steps * 10, steps.astype(float), np.array(value, dtype=float))


@pytest.mark.parametrize("log_x", [False, True])
def test_a_spike_of_one_step_among_a_million_is_in_the_band(log_x):
    x = np.arange(1.0, 1_000_001.0)
    y = np.sin(x / 1000)
    y[612_345] = 50.0
    band = envelope(x, y, 175, log_x)
    assert band.high.max() == 50.0 and len(band.x) <= 2 * 175
    assert np.isin(band.x, x).all() and np.all(band.low <= band.high)
    at = np.flatnonzero(band.high == 50.0)
    assert band.x[at[0]] <= 612_346 <= band.x[at[-1]]


def test_a_band_leaves_out_what_cannot_be_drawn():
    x, y = np.array([0.0, 1.0, 2.0, 3.0]), np.array([9.0, np.nan, 2.0, 1.0])
    assert envelope(x, y, 4).high.max() == 9.0
    assert envelope(x, y, 4, log_x=True).x.min() == 2.0
    assert len(envelope(x[:0], y[:0], 4).x) == 0


def test_one_metric_over_another_is_joined_by_step_and_never_interpolated():
    loss = series([1, 2, 3, 4, 5], [5.0, 4.0, np.nan, 3.0, 2.0])
    exposures = series([2, 3, 4, 4, 9], [20.0, 30.0, 40.0, 41.0, 90.0])
    at, x = joined(loss, exposures)
    assert loss.step[at].tolist() == [2, 4] and x.tolist() == [20.0, 41.0]


def test_a_thinned_path_keeps_the_extremes_of_both_axes():
    order = np.arange(10_000.0)
    x, y = np.cos(order / 500), np.sin(order / 700)
    x[1234], y[4321] = 7.0, -7.0
    kept = thin_path(order, x, y, 64)
    assert len(kept) <= 64 and {1234, 4321} <= set(kept.tolist())


def test_a_group_is_joined_where_all_have_logged():
    members = [
        Member(np.array([1.0, 2, 3]), np.array([4.0, 6, 8])),
        Member(np.array([2.0, 3, 4]), np.array([2.0, 4, 9])),
    ]
    curve = grouped(members, "range", exact=True)
    assert curve is not None and not curve.binned
    assert curve.x.tolist() == [2, 3] and curve.mean.tolist() == [4, 6]
    assert curve.low.tolist() == [2, 4] and curve.high.tolist() == [6, 8]


def test_a_group_with_nothing_in_common_is_a_mean_of_bins():
    close = [Member(np.linspace(0, 1, 400), np.ones(400)), Member(np.linspace(0.001, 1, 400), np.full(400, 3.0))]
    curve = grouped(close, "interval", exact=True)
    assert curve is not None and curve.binned and np.allclose(curve.mean, 2.0)
    assert curve.high[0] - curve.mean[0] == pytest.approx(12.7062, rel=1e-4)


def test_one_run_is_no_group():
    assert grouped([Member(np.arange(3.0), np.arange(3.0))], "range", exact=True) is None
