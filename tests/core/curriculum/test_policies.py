"""What holds for every policy, and what each one is for."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chimera.errors import InputError
from curriculum_app.core.mixture_curve import MixtureCurve
from curriculum_app.core.plans import Plan, PlanRequest
from curriculum_app.core.policies.base import POLICIES
from curriculum_app.core.pool import draw_pool

KEYS = ["easy_to_hard", "fixed_mixture", "hard_to_easy", "shuffle"]  # the others have files of their own
DIRECTED = ["easy_to_hard", "hard_to_easy"]


@pytest.fixture(scope="module")
def request_(table):
    return PlanRequest(table, draw_pool(table, 600 * table.sequence_length, 0), seed=1)


def plan_of(key: str, request: PlanRequest, **config: float) -> Plan:
    return POLICIES.build(key, config).plan(request)


def test_the_four_policies_are_found():
    assert set(KEYS) <= {entry.key for entry in POLICIES}


@pytest.mark.parametrize("key", KEYS)
def test_a_plan_shows_every_sequence_of_the_pool_once(key, request_):
    assert np.array_equal(np.sort(plan_of(key, request_).order), request_.pool.ids)


@pytest.mark.parametrize("key", KEYS)
def test_equal_requests_give_equal_plans_and_another_seed_another_order(key, request_):
    first = plan_of(key, request_)
    other = PlanRequest(request_.table, request_.pool, seed=2)
    assert np.array_equal(first.order, plan_of(key, request_).order)
    assert not np.array_equal(first.order, plan_of(key, other).order)


@pytest.mark.parametrize("key", KEYS)
def test_the_preview_is_the_curve_of_the_plan_and_owes_each_group_its_tokens(key, request_):
    plan = plan_of(key, request_)
    assert POLICIES.build(key).preview(request_).as_json() == plan.curve.as_json()
    totals = request_.table.grouping(plan.grouping).totals(request_.pool.ids)
    owed = plan.curve.cumulative(float(request_.pool.tokens))
    assert np.abs(owed - totals).max() <= 1e-9 * request_.pool.tokens


@pytest.mark.parametrize("key", KEYS)
def test_the_report_is_json_and_nothing_is_left_over(key, request_):
    report = json.loads(json.dumps(plan_of(key, request_).adherence, allow_nan=False))
    assert set(report["unused_tokens"].values()) == {0}
    assert report["drift_after_horizon"] == 0


@pytest.mark.parametrize("key", ["easy_to_hard", "hard_to_easy", "fixed_mixture"])
def test_a_planned_mixture_is_kept_far_closer_than_a_shuffle_would(key, request_):
    report = plan_of(key, request_).adherence
    assert report["exact"]
    assert report["max_deviation"] < 0.2 * report["shuffle_max_deviation"]


def mean_difficulty(plan: Plan, request: PlanRequest) -> tuple[float, float]:
    levels = request.table.difficulty[plan.order]
    tenth = len(levels) // 10
    return float(levels[:tenth].mean()), float(levels[-tenth:].mean())


def test_easy_to_hard_begins_easy_and_ends_hard_and_its_reverse_the_other_way(request_):
    first, last = mean_difficulty(plan_of("easy_to_hard", request_), request_)
    assert last - first > 0.25
    first, last = mean_difficulty(plan_of("hard_to_easy", request_), request_)
    assert first - last > 0.25


@pytest.mark.parametrize("key", DIRECTED)
def test_the_planned_mean_difficulty_moves_one_way_only(key, request_):
    curve = POLICIES.build(key).preview(request_)
    scale = np.arange(len(curve.names))
    path = curve.at(np.linspace(1, request_.pool.tokens, 50)) @ scale
    steps = np.diff(path) if key == "easy_to_hard" else -np.diff(path)
    assert np.all(steps >= -1e-9)
    assert steps.sum() > 1


@pytest.mark.parametrize("key", DIRECTED)
@given(sharpness=st.floats(0, 12), start=st.floats(0.001, 0.9))
def test_any_settings_within_bounds_can_be_planned(key, sharpness, start, request_):
    curve = POLICIES.build(key, {"sharpness": sharpness, "start": start}).preview(request_)
    totals = request_.table.grouping("difficulty").totals(request_.pool.ids)
    assert np.abs(curve.cumulative(float(request_.pool.tokens)) - totals).max() <= 1e-9 * request_.pool.tokens


def test_without_sharpness_the_mixture_stands_still(request_):
    curve = POLICIES.build("easy_to_hard", {"sharpness": 0}).preview(request_)
    assert isinstance(curve, MixtureCurve)
    assert np.allclose(curve.at(1), curve.at(request_.pool.tokens))


def test_settings_out_of_bounds_are_an_error_that_names_them():
    with pytest.raises(InputError) as caught:
        POLICIES.build("easy_to_hard", {"sharpness": -1})
    assert caught.value.problems[0].field == "config.sharpness"
