"""Targets, feasible horizons and the report beside a shuffle."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chimera.context import LocalContext
from curriculum_app.core.mixture_curve import MixtureCurve
from curriculum_app.core.schedule import rows_of
from curriculum_app.core.scheduling.adherence import NAMED, POINTS, Delivery, adherence_of, adherence_report, deviation
from curriculum_app.core.scheduling.target import (
    CurveTarget,
    Owed,
    StaticTarget,
    bins_given_group,
    feasible_horizon,
    rows_of_counts,
)
from tests.core.curriculum.sequence_factory import build_sequences

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


def delivery(groups, bins):
    return Delivery(rows_of_counts(groups), rows_of_counts(bins))


def dense_deviation(groups, target):
    """Every prefix, every group: (n, K) in mean row lengths."""
    tokens = np.cumsum(groups.sum(axis=1)).astype(float)
    return np.abs(np.cumsum(groups, axis=0) - target.groups(tokens)) * len(tokens) / tokens[-1]


def test_deviation_is_in_sequence_lengths_and_zero_at_the_end_of_natural_shares():
    target = StaticTarget(GROUPS.sum(0) / 24, BINS.sum(0) / 24)
    assert delivery(GROUPS, BINS).tokens.tolist() == [4, 8, 12, 16, 20, 24]
    got = deviation(delivery(GROUPS, BINS), target)
    assert got.at_points[0, 0] == pytest.approx((4 - 0.625 * 4) / 4)
    assert np.abs(got.at_points[-1]).max() == pytest.approx(0)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32), st.booleans())
def test_looking_only_where_a_group_changes_finds_the_largest_deviation_over_all_prefixes(seed, moving):
    rng = np.random.default_rng(seed)
    count, num_groups = int(rng.integers(1, 30)), int(rng.integers(1, 6))
    groups = rng.integers(0, 4, (count, num_groups)) * rng.integers(0, 2, (count, num_groups))
    groups[:, 0] += 1
    curve = MixtureCurve(
        tuple(map(str, range(num_groups))), np.array([1.0, 9.0]), rng.normal(0, moving, (2, num_groups))
    )
    target = CurveTarget(curve, np.ones((num_groups, 1)))
    horizon = float(rng.integers(0, groups.sum() + 1))
    got = deviation(delivery(groups, groups.sum(axis=1, keepdims=True)), target, horizon)
    dense = dense_deviation(groups, target)
    assert np.allclose(got.worst, dense.max(axis=0))
    late = dense[np.cumsum(groups.sum(axis=1)) > horizon]
    assert got.late == pytest.approx(late.max() if len(late) else 0.0)


def test_a_long_plan_is_read_between_its_nodes_to_a_hundredth_of_a_sequence():
    curve = MixtureCurve(("a", "b"), np.array([2e4, 1e6]), np.array([[2.0, 0.0], [-2.0, 0.0]]))
    target, tokens = CurveTarget(curve, np.eye(2)), np.arange(1.0, 2e6 + 1, 256)
    many = 10_000  # as if there were so many groups that not every point can be worked out
    owed = Owed(target, tokens, many)
    error = owed.groups(tokens, np.zeros(len(tokens), dtype=int)) - target.groups(tokens)[:, 0]
    assert np.abs(error).max() / 256 < 0.01
    assert np.abs(owed.bins(tokens)[:, 1] - target.bins(tokens)[:, 1]).max() / 256 < 0.01


def report(order, shares=(0.625, 0.375)):
    target = StaticTarget(np.array(shares), BINS.sum(0) / 24)
    shown = delivery(GROUPS[order], BINS[order])
    return adherence_report(("a", "b"), shown, target, GROUPS.sum(0), method="test", exact=True)


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
    left = report([0, 3])
    assert left["unused_tokens"] == {"a": 11, "b": 5} and left["unused_total"] == 16


def test_mixed_sequences_at_the_front_are_told():
    assert report([4, 5, 0, 1, 2, 3])["sparse_first"] > 0.5 > report([0, 1, 5, 4, 2, 3])["sparse_first"]


def test_a_long_chart_has_at_most_two_hundred_points_with_both_ends():
    groups = np.full((1000, 1), 8)
    target = StaticTarget(np.ones(1), np.ones(1))
    shown = delivery(groups, groups)
    points = adherence_report(("a",), shown, target, np.array([8000]), method="test", exact=True)["points"]
    assert len(points["tokens"]) == POINTS
    assert (points["tokens"][0], points["tokens"][-1]) == (8, 8000)


def test_of_very_many_groups_the_largest_and_the_worst_are_drawn_and_the_rest_together():
    rng = np.random.default_rng(0)
    groups = np.zeros((400, 300))
    groups[np.arange(400), rng.integers(0, 300, 400)] = 4
    names = tuple(f"g{index}" for index in range(300))
    target = StaticTarget(groups.sum(0) / groups.sum(), np.ones(1))
    shown = delivery(groups, groups.sum(axis=1, keepdims=True))
    told = adherence_report(names, shown, target, groups.sum(0), method="test", exact=True)
    points = told["points"]
    assert len(points["shown"]) < NAMED and "the other" in points["note"]
    assert [sum(row) for row in points["delivered"]] == points["tokens"]
    assert len(points["planned"][0]) == len(points["shown"]) + 1
    assert len(told["unused_tokens"]) == NAMED


def test_parts_repeats_and_weights_of_real_rows_are_counted_as_they_are_shown(tmp_path):
    table = build_sequences(LocalContext(tmp_path).store, num_documents=60)
    curve = MixtureCurve.constant(table.grouping("domain").names, np.full(4, 0.25))
    whole = rows_of(table, np.arange(20))
    halves = np.repeat(whole, 2)
    halves["length"] //= 2
    halves["start"][1::2] = halves["length"][::2]
    points = adherence_of(table, whole, "domain", curve, method="test", exact=False)["points"]
    cut = adherence_of(table, halves, "domain", curve, method="test", exact=False)
    assert cut["points"]["delivered"][1::2] == points["delivered"]
    twice = adherence_of(table, np.tile(whole, 2), "domain", curve, method="test", exact=False)
    assert np.allclose(twice["points"]["delivered"][-1], 2 * np.array(points["delivered"][-1]))
    whole["weight"] = 0.5
    light = adherence_of(table, whole, "domain", curve, method="test", exact=False)
    assert np.allclose(light["points"]["delivered"], np.array(points["delivered"]) / 2)
