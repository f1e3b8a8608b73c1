"""Targets, feasible horizons and the report beside a shuffle."""

import numpy as np
import pytest

from curriculum_app.core.mixture_curve import MixtureCurve
from curriculum_app.core.scheduling.adherence import POINTS, adherence_report, deviation
from curriculum_app.core.scheduling.target import CurveTarget, StaticTarget, bins_given_group, feasible_horizon

GROUPS = np.array([[4, 0], [4, 0], [4, 0], [0, 4], [2, 2], [1, 3]])
BINS = np.array([[4, 0], [0, 4], [0, 4], [0, 4], [4, 0], [2, 2]])


def test_bins_given_group_spread_each_sequence_evenly():
    assert np.allclose(bins_given_group(GROUPS, BINS), [[0.4333333, 0.5666667], [0.3888889, 0.6111111]])


def test_a_group_without_tokens_gets_the_bins_of_all():
    shares = bins_given_group(np.array([[4, 0]]), np.array([[1, 3]]))
    assert np.allclose(shares, [[0.25, 0.75], [0.25, 0.75]])


def test_a_curve_owes_bins_through_its_groups():
    target = CurveTarget(MixtureCurve.constant(("a", "b"), [0.5, 0.5]), np.array([[1.0, 0.0], [0.5, 0.5]]))
    assert np.allclose(target.bins(np.array([8.0])), [[6.0, 2.0]])


def test_the_horizon_ends_where_the_first_group_runs_out():
    target = StaticTarget(np.array([0.5, 0.5]), np.array([1.0]))
    assert feasible_horizon(target, np.array([15, 9])) == pytest.approx(18, abs=1e-4)
    assert feasible_horizon(target, np.array([12, 12])) == 24


def test_deviation_is_in_sequence_lengths_and_zero_at_the_end_of_natural_shares():
    target = StaticTarget(GROUPS.sum(0) / 24, BINS.sum(0) / 24)
    got = deviation(GROUPS, BINS, target)
    assert got.tokens.tolist() == [4, 8, 12, 16, 20, 24]
    assert got.groups[0] == pytest.approx((4 - 0.625 * 4) / 4)
    assert got.groups[-1] == pytest.approx(0)


def report(order, shares=(0.625, 0.375)):
    target = StaticTarget(np.array(shares), BINS.sum(0) / 24)
    return adherence_report(("a", "b"), GROUPS, BINS, np.array(order), target, method="test", exact=True)


def test_the_report_holds_planned_and_delivered_tokens_of_every_group():
    points = report([4, 0, 5, 1, 3, 2])["points"]
    assert points["tokens"] == [4, 8, 12, 16, 20, 24]
    assert points["planned"][1] == [5.0, 3.0]
    assert points["delivered"][1] == [6, 2]
    assert points["delivered"][-1] == [15, 9]


def test_drift_is_what_happens_after_the_horizon():
    even = report([4, 5, 0, 3, 1, 2], shares=(0.5, 0.5))
    assert even["feasible_horizon"] == pytest.approx(18, abs=1e-4)
    assert even["drift_after_horizon"] == pytest.approx(3 / 4)
    assert report([4, 0, 5, 1, 3, 2])["drift_after_horizon"] == 0


def test_sequences_left_out_are_counted_by_group():
    assert report([0, 3])["unused_tokens"] == {"a": 11, "b": 5}


def test_a_long_chart_has_at_most_two_hundred_points_with_both_ends():
    groups = np.full((1000, 1), 8)
    target = StaticTarget(np.ones(1), np.ones(1))
    points = adherence_report(("a",), groups, groups, np.arange(1000), target, method="test", exact=True)["points"]
    assert len(points["tokens"]) == POINTS
    assert (points["tokens"][0], points["tokens"][-1]) == (8, 8000)
